import Integrations
import ReleaseMachine
import Testing
import ViridianConfiguration

@Suite("Deliveries of hooks") struct DeliveryTests {
    private let now = Timestamp(milliseconds: 1_795_712_697_000)

    @Test("each recorded delivery is read as expected", arguments: try RecordedDelivery.all())
    func isRead(delivery: RecordedDelivery) throws {
        let reading = try delivery.sender.read(delivery.request)
        #expect(reading.kind == delivery.reading.kind)
        #expect(reading.key == delivery.reading.key)
        #expect(reading.events == delivery.reading.events)
        #expect(reading.ignored == delivery.reading.ignored)
    }

    @Test("each recorded delivery says something: an event or a sentence", arguments: try RecordedDelivery.all())
    func saysSomething(delivery: RecordedDelivery) throws {
        let reading = try delivery.sender.read(delivery.request)
        #expect(!reading.events.isEmpty || !reading.ignored.isEmpty)
        #expect(reading.ignored.allSatisfy { !$0.isEmpty && $0.utf8.count < 300 })
    }

    @Test("a delivery is accepted with the sender's secret and with no other", arguments: try RecordedDelivery.all())
    func isVerified(delivery: RecordedDelivery) throws {
        let sender = delivery.sender
        let request = delivery.request(with: "s3cret")
        #expect(sender.verify(request, HooksConfiguration(everySender: "s3cret"), at: now) == .verified)
        for other in ["s3creT", "s3cret ", "s3cre", "s3crets", ""] {
            let verdict = sender.verify(request, HooksConfiguration(everySender: other), at: now)
            #expect(verdict != .verified, "\(other) is another secret")
        }
        #expect(sender.verify(request, HooksConfiguration(), at: now) != .verified)
        #expect(
            sender.verify(delivery.request(with: ""), HooksConfiguration(everySender: ""), at: now) != .verified,
            "an empty secret never verifies")
    }

    @Test("a delivery without its secret is refused, in a sentence without the secret")
    func hasNoSecret() throws {
        for sender in HookSender.allCases {
            let request = HookRequest(headers: ["content-type": "application/json"], body: Array("{}".utf8))
            let verdict = sender.verify(request, HooksConfiguration(everySender: "s3cret"), at: now)
            guard case .refused(let sentence) = verdict else {
                Issue.record("\(sender) accepts a request without a secret")
                continue
            }
            #expect(!sentence.isEmpty && !sentence.contains("s3cret"))
        }
    }

    @Test("the secret of a registry and of Harbor comes alone or after Bearer, and in no other way")
    func authorizes() {
        let hooks = HooksConfiguration(everySender: "s3cret")
        for sender in [HookSender.registry, .harbor] {
            func verdict(_ value: String) -> HookVerdict {
                sender.verify(HookRequest(headers: ["authorization": value], body: []), hooks, at: now)
            }
            #expect(verdict("s3cret") == .verified)
            #expect(verdict("Bearer s3cret") == .verified)
            for wrong in ["", "Bearer", "Bearer ", "bearer s3cret ", "Basic s3cret", "Bearer Bearer s3cret", "S3CRET"] {
                #expect(verdict(wrong) != .verified)
            }
        }
        // Harbor's field is free text: whoever writes the scheme into it writes it into the configuration as well.
        let whole = HooksConfiguration(harbor: Secret("Basic dXNlcjpzM2NyZXQ="))
        let request = HookRequest(headers: ["authorization": "Basic dXNlcjpzM2NyZXQ="], body: [])
        #expect(HookSender.harbor.verify(request, whole, at: now) == .verified)
    }

    @Test("a part more than a person reads is counted, not listed")
    func isBounded() throws {
        let pull = #"{"id": "a", "action": "pull", "target": {"repository": "blog"}}"#
        let body = #"{"events": ["# + Array(repeating: pull, count: 5000).joined(separator: ",") + "]}"
        let reading = try HookSender.registry.read(HookRequest(headers: [:], body: Array(body.utf8)))
        #expect(reading.events.isEmpty)
        #expect(reading.ignored.count == 21)
        #expect(reading.ignored.last == "and more of that kind")
    }

    @Test("a delivery that is sent again has the same key, another one has another")
    func hasKey() throws {
        let deliveries = try RecordedDelivery.all()
        for delivery in deliveries where delivery.sender != .quay {
            let key = try delivery.sender.read(delivery.request).key
            #expect(key != nil)
            #expect(try delivery.sender.read(delivery.request).key == key)
        }
        let harbor = deliveries.filter {
            $0.sender == .harbor && $0.request.headers["content-type"] == "application/json"
        }
        #expect(Set(harbor.compactMap(\.reading.key)).count == harbor.count)
    }
}
