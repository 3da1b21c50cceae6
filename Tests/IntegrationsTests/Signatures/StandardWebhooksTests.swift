import Integrations
import ReleaseMachine
import Testing
import ViridianConfiguration

@Suite("Standard Webhooks") struct StandardWebhooksTests {
    private let now = Timestamp(milliseconds: 1_795_712_697_000)
    private let body = Array(#"{"object_kind": "pipeline"}"#.utf8)
    private let secret = Secret("whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=")

    @Test("a signature is good for five minutes, by either clock")
    func isTimely() throws {
        let webhooks = try #require(StandardWebhooks(secret))
        let headers = webhooks.sign(body, id: "msg_1", at: now)
        for seconds in [-300, -299, 0, 299, 300] {
            #expect(webhooks.verify(body, headers, at: now + .seconds(seconds)) == .verified)
        }
        for seconds in [-301, 301, 86_400, -1_000_000_000] {
            let verdict = webhooks.verify(body, headers, at: now + .seconds(seconds))
            #expect(verdict != .verified)
            guard case .refused(let sentence) = verdict else { continue }
            #expect(sentence.contains("check both clocks"))
        }
    }

    @Test("one of several signatures is enough: a secret is replaced while deliveries go on")
    func rotates() throws {
        let webhooks = try #require(StandardWebhooks(secret))
        let old = try #require(StandardWebhooks(Secret("whsec_b2xkIHNlY3JldCBvZiB0aGUgaG9vaw==")))
        var headers = webhooks.sign(body, id: "msg_1", at: now)
        headers.signature = old.sign(body, id: "msg_1", at: now).signature + " " + headers.signature
        #expect(webhooks.verify(body, headers, at: now) == .verified)
        #expect(old.verify(body, headers, at: now) == .verified)
    }

    @Test("an old request is refused by its time, whatever its signatures are")
    func isOldFirst() throws {
        let webhooks = try #require(StandardWebhooks(secret))
        var headers = webhooks.sign(body, id: "msg_1", at: now)
        headers.signature = "v1,AAAA"
        guard case .refused(let sentence) = webhooks.verify(body, headers, at: now + .seconds(301)) else {
            Issue.record("it is accepted")
            return
        }
        #expect(sentence.contains("check both clocks"))
    }

    @Test("the first eight signatures are read, however many there are")
    func isBounded() throws {
        let webhooks = try #require(StandardWebhooks(secret))
        let good = webhooks.sign(body, id: "msg_1", at: now)
        let foreign = Array(repeating: "v1,\(String(repeating: "A", count: 43))=", count: 4000)
        var headers = good
        for (count, isRead) in [(7, true), (8, false), (4000, false)] {
            headers.signature = (foreign.prefix(count) + [good.signature]).joined(separator: " ")
            #expect((webhooks.verify(body, headers, at: now) == .verified) == isRead, "after \(count)")
        }
        // Those of other kinds do not count.
        headers.signature = String(repeating: "v1a,AAAA ", count: 20) + good.signature
        #expect(webhooks.verify(body, headers, at: now) == .verified)
    }

    @Test(
        "a time that is no number of seconds is refused",
        arguments: ["", "now", "-1", "+1795712697", "1.5e9", "9999999999999"])
    func hasNoTime(timestamp: String) throws {
        let webhooks = try #require(StandardWebhooks(secret))
        var headers = webhooks.sign(body, id: "msg_1", at: now)
        headers.timestamp = timestamp
        #expect(webhooks.verify(body, headers, at: now) != .verified)
    }

    @Test(
        "what is no key in base64 signs nothing", arguments: ["", "whsec_", "whsec_?", "whsec_MDEy MzQ1", "not base64"])
    func hasNoKey(secret: String) {
        #expect(StandardWebhooks(Secret(secret)) == nil)
    }
}
