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

    @Test("text that is not JSON is an error", arguments: ["", "{", "[1", "{\"a\":}", "{} {}", "nul"])
    func invalid(text: String) { #expect(throws: (any Error).self) { try JSON(parsing: text) } }

    @Test("paths read, set and remove, making objects on the way")
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
