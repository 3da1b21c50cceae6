import Foundation
import Kubernetes
import Testing

@Suite("JSON values")
struct JSONTests {
    @Test("every kind of value survives a round trip")
    func roundTrip() throws {
        let text = #"{"a":[1,-2.5,true,false,null,"x/\"y","é",[],{}],"big":9223372036854775807,"zero":0,"on":"true"}"#
        let value = try JSON(parsing: text)
        #expect(value["a"] == [1, -2.5, true, false, .null, "x/\"y", "é", [], [:]])
        #expect(value["big"] == .integer(.max))
        #expect(value["on"] == .string("true"))
        #expect(try JSON(parsing: value.text) == value)
        #expect(value.text.hasPrefix(#"{"a":[1,-2.5,true,false,null,"x/\"y""#))
    }

    @Test(
        "text that is not JSON is an error",
        arguments: [
            "", " ", "{", "[1", "{\"a\":}", "{} {}", "nul", "nulls", "[1,]", "{\"a\":1,}", "{a:1}", "'a'", "01", "-",
            "1.",
            ".5", "1e", "1e999", "+1", "0x1", "\"a", "\"\n\"", "\"\\x\"", "\"\\u12\"", "[1 2]", "{\"a\" 1}", "NaN",
        ])
    func invalid(text: String) { #expect(throws: JSON.Malformed.self) { try JSON(parsing: text) } }

    @Test("numbers, escapes and bytes that are not UTF-8 are read as client-go reads them")
    func exactness() throws {
        #expect(try JSON(parsing: "9223372036854775808") == .number(9_223_372_036_854_775_808))
        #expect(try JSON(parsing: "-9223372036854775808") == .integer(.min))
        #expect(try JSON(parsing: "[1.0, 1e2, -0, 0.5e-3]") == [.number(1), .number(100), 0, 0.0005])
        #expect(try JSON(parsing: #""\u00e9\ud83d\ude00\ud83dx\/\b""#) == "é😀\u{FFFD}x/\u{8}")
        #expect(try JSON(parsing: Data([0x22, 0xFF, 0x22])) == "\u{FFFD}")
        #expect(try JSON(parsing: #"{"a": 1, "a": 2}"#) == ["a": 2])
        #expect(JSON.string("\u{1}\u{1f}\"\\").text == #""\u0001\u001f\"\\""#)
        #expect(JSON.number(3).text == "3")
    }

    @Test("a number that JSON cannot represent is an error, and never sent as another value")
    func notFinite() throws {
        let body: JSON = ["spec": ["a": .number(.infinity)]]
        let error = #expect(throws: JSON.NotFinite.self) { try body.data }
        #expect(error?.description == "the number inf cannot be written as JSON")
        #expect(try JSON.number(1e300).data == Data("1e+300".utf8))
    }

    @Test("500 levels are read quickly, and endless nesting is refused")
    func depth() throws {
        func nested(_ levels: Int) -> String {
            String(repeating: #"{"a":["#, count: levels / 2) + "1" + String(repeating: "]}", count: levels / 2)
        }
        let took = try ContinuousClock().measure {
            for _ in 0..<20 { _ = try JSON(parsing: nested(500)) }
        }
        // Quadratic parsing took four seconds for one of them. It takes milliseconds; the rest is for a machine that runs other tests.
        #expect(took < .seconds(20))
        let error = #expect(throws: JSON.Malformed.self) { try JSON(parsing: nested(200_000)) }
        #expect(error?.problem == "nested deeper than 512 levels")
    }

    @Test("paths read, set and remove values, and create missing objects")
    func paths() {
        var value: JSON = ["metadata": ["name": "blog-blue"]]
        value[at: "metadata.labels.team"] = "web"
        value[["metadata", "annotations", "viridian.dev/release"]] = "42"
        #expect(
            value == [
                "metadata": [
                    "name": "blog-blue", "labels": ["team": "web"], "annotations": ["viridian.dev/release": "42"],
                ]
            ])
        value[at: "metadata.labels.team"] = nil
        #expect(value[at: "metadata.labels"] == [:])
        #expect(value[at: "spec.template.metadata"] == nil)
    }

    @Test("a merge patch replaces, merges and removes")
    func merging() {
        let before: JSON = ["a": ["b": 1, "c": 2], "list": [1, 2], "gone": true]
        #expect(
            before.merging(["a": ["c": .null, "d": 3], "list": [9], "gone": .null, "new": ["x": .null]]) == [
                "a": ["b": 1, "d": 3], "list": [9], "new": [:],
            ])
    }
}
