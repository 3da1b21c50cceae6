import Integrations
import Testing

@Suite("Requests that are no deliveries") struct MalformedDeliveryTests {
    /// What any sender's body may be by mistake or on purpose, and words of the answer.
    private static let bodies: [(body: [UInt8], words: String)] = [
        ([], "the body is empty"),
        (Array("  \n".utf8), "it ends where a value is expected at byte 3"),
        (Array("<html></html>".utf8), "a value is expected at byte 0"),
        (Array("null".utf8), "not an object"),
        (Array("[]".utf8), "not an object"),
        (Array(#""text""#.utf8), "not an object"),
        (Array(#"{"events": ["#.utf8), "it ends where a value is expected"),
        (Array(#"{"events": [], "type": "PUSH"#.utf8), "a string does not end"),
        (Array(#"{"a": 1} {"a": 2}"#.utf8), "text after the end"),
        (Array(#"{"type": "PULL_ARTIFACT", "type": "PUSH_ARTIFACT"}"#.utf8), #"the second "type" in one object"#),
        (Array(#"{"a": {"tag": "v1", "t\u0061g": "v2"}}"#.utf8), #"the second "tag" in one object"#),
        (Array(#"{"a": "\u00"}"#.utf8), "four hexadecimal digits"),
        (Array("{\"a\": \"\u{1}\"}".utf8), "a control character in a string"),
        (Array(#"{"a": 01}"#.utf8), "a number begins with 0"),
        (Array(#"{"a": 1e999}"#.utf8), "a number is too large"),
        (Array(#"{"a": NaN}"#.utf8), "a value is expected"),
        (Array(#"{'a': 1}"#.utf8), "the name of a member is expected"),
        ([0x7B, 0x22, 0x61, 0x22, 0x3A, 0x22, 0xFF, 0xFE, 0x22, 0x7D], "not UTF-8"),
        ([0xEF, 0xBB, 0xBF] + Array("{}".utf8), "a value is expected"),
        (Array(String(repeating: "[", count: 1_000_000).utf8), "nested deeper than 64 levels"),
        (Array(String(repeating: #"{"a":"#, count: 100_000).utf8), "nested deeper than 64 levels"),
    ]

    @Test("a body that is no JSON object is refused with what is wrong", arguments: HookSender.allCases)
    func isNoObject(sender: HookSender) {
        for (body, words) in Self.bodies {
            let error = #expect(throws: MalformedHook.self) {
                _ = try sender.read(HookRequest(headers: Self.headers(sender), body: body))
            }
            #expect(error?.message.contains(words) == true, "\(error?.message ?? "") has not: \(words)")
            #expect(error?.message.unicodeScalars.allSatisfy { $0.isASCII && $0.value >= 0x20 } == true)
        }
    }

    @Test(
        "an object of something else is refused with what was expected",
        arguments: [
            (HookSender.registry, "{}", "a list of events"), (.registry, #"{"events": {}}"#, "a list of events"),
            (.harbor, #"{"event_data": {}}"#, "a type such as PUSH_ARTIFACT"), (.harbor, #"{"type": 7}"#, "a type"),
            (.gitlab, #"{"text": "a template"}"#, "object_kind"), (.quay, #"{"updated_tags": ["v2"]}"#, "repository"),
        ])
    func isOfAnother(sender: HookSender, body: String, words: String) {
        let error = #expect(throws: MalformedHook.self) {
            _ = try sender.read(HookRequest(headers: Self.headers(sender), body: Array(body.utf8)))
        }
        #expect(error?.message.contains(words) == true)
    }

    @Test("GitHub's and Gitea's deliveries have the header with the kind of event")
    func hasNoHeader() {
        for (sender, header) in [(HookSender.github, "X-GitHub-Event"), (.gitea, "X-Gitea-Event")] {
            let error = #expect(throws: MalformedHook.self) {
                _ = try sender.read(HookRequest(headers: [:], body: Array("{}".utf8)))
            }
            #expect(error?.message.contains(header) == true)
        }
    }

    @Test(
        "a form needs one field payload, percent-encoded",
        arguments: [
            "", "a=b", "payload=%7B%7D&payload=%7B%7D", "payload=%7", "payload=%zz", "payload=", "payload=%FF",
        ])
    func isNoForm(body: String) {
        for sender in [HookSender.github, .gitea] {
            var headers = Self.headers(sender)
            headers["content-type"] = "application/x-www-form-urlencoded; charset=utf-8"
            #expect(throws: MalformedHook.self) {
                _ = try sender.read(HookRequest(headers: headers, body: Array(body.utf8)))
            }
        }
    }

    @Test("64 levels are read, and every escape of JSON")
    func isDeep() throws {
        let deep = String(repeating: "[", count: 63) + String(repeating: "]", count: 63)
        let body = #"{"ref": "\u00e9\ud83d\ude80\ud83d\n\/\\\"\b\f\r\t", "deep": "# + deep + "}"
        let reading = try HookSender.github.read(HookRequest(headers: Self.headers(.github), body: Array(body.utf8)))
        #expect(reading.kind == "push")
    }

    private static func headers(_ sender: HookSender) -> [String: String] {
        sender == .gitea ? ["x-gitea-event": "push"] : ["x-github-event": "push"]
    }
}
