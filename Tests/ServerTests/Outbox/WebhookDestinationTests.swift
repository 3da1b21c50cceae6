import Controller
import Foundation
import Integrations
import Journal
import JournalSQLite
import ReleaseMachine
import TestSupport
import Testing
import ViridianConfiguration

@testable import Server

@Suite("Receivers of webhooks are told of releases")
struct WebhookDestinationTests {
    static let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

    private func destination(
        _ url: String, _ format: NotifyConfiguration.Format = .standardWebhooks,
        on: Set<NotifyConfiguration.Trigger>? = nil, apps: [String]? = nil
    ) throws -> WebhookDestination {
        let configuration = NotifyConfiguration(
            name: "ops", url: try #require(URL(string: url)),
            secrets: format == .standardWebhooks ? [Secret(Self.secret)] : [], format: format, on: on, apps: apps)
        return WebhookDestination(
            configuration, sender: try WebhookSender(configuration, environment: [:]),
            server: "https://deploy.domain.com", apps: [])
    }

    /// The events of a release that pauses for an hour, to its end.
    static let verified: [Event] = Array(OutboxBench.course[..<4]) + [.promoted(by: "ben")] + OutboxBench.course[4...]

    private func begin(_ bench: OutboxBench, _ url: String, _ format: NotifyConfiguration.Format) async throws
        -> OutboxBench.Process
    {
        try await bench.begin([try destination(url, format)])
    }

    private func pause(_ bench: OutboxBench, _ journal: Journal, _ number: Int = 1) async throws {
        try await bench.requestVerified(journal, number)
        try await bench.add(Array(Self.verified[..<4]), journal, number)
    }

    @Test("each step is told once, signed, with the release as the API has it and an id that stays")
    func payload() async throws {
        let bench = try OutboxBench()
        try await TestSupport.withServer({ _, _ in .text("ok") }) { server in
            var process = try await bench.begin([try destination(server.url)])
            try await pause(bench, process.journal)
            try await bench.add(Array(Self.verified[4...]), process.journal, 1)
            try await process.project()
            try await process.send()
            let requests = await server.requests.all
            let bodies = try requests.map { try JSONValue.read($0.body) }
            #expect(
                bodies.map { $0["type"].string }
                    == ["requested", "started", "paused", "promoted", "live"].map { "release.\($0)" })
            let document = try JSONValue.read(try OpenAPI.document(version: "0"))
            let schema = JSONSchema(document["components"]["schemas"]["Release"], in: document)
            for body in bodies {
                #expect(schema.problems(body["data"]["release"], at: "release").isEmpty)
                #expect(body["data"]["url"].string == "https://deploy.domain.com/apps/blog/releases/1")
                #expect(body["timestamp"].string == bench.clock.now.iso8601)
            }
            #expect(bodies[2]["data"]["release"]["awaiting"].string == "promote")
            #expect(bodies[4]["data"]["summary"].string == "blog/1 (v0 → v1): live on green")
            let time = String(bench.clock.now.milliseconds, radix: 36)
            let ids = requests.map { $0.headers["webhook-id"] ?? "" }
            #expect(
                ids == ["requested", "started", "paused", "promoted", "live"].map { "msg_blog_1_\($0)_\(time)" })
            // Again, by another process: the same message.
            process = try await bench.begin([try destination(server.url)])
            _ = try await process.outbox.resend(3)
            try await process.send()
            let again = try #require(await server.requests.all.last)
            #expect(again.headers["webhook-id"] == ids[2] && again.body == requests[2].body)
        }
    }

    @Test("a destination is told what it asked for, of the apps that it asked for")
    func filters() async throws {
        let bench = try OutboxBench()
        let journal = try Journal(path: bench.folder.journal)
        try await pause(bench, journal)
        let history = try #require(Milestones(try await journal.events(app: "blog", number: 1)))
        func names(_ destination: WebhookDestination) throws -> [String] {
            try destination.messages(for: history).map(\.message)
        }
        let url = "https://hooks.domain.com"
        #expect(try names(destination(url)) == ["requested", "started", "paused", "deadlineNear"])
        #expect(try names(destination(url, .slackWebhook)) == ["paused", "deadlineNear"])
        #expect(try names(destination(url, on: [.paused, .live])) == ["paused"])
        #expect(try names(destination(url, apps: ["shop"])) == [])
        #expect(try names(destination(url, apps: ["shop", "blog"])).count == 4)
    }

    @Test("who awaits promotion is reminded at three quarters of the time, and not when it has been promoted")
    func reminder() async throws {
        let bench = try OutboxBench()
        try await TestSupport.withServer({ _, _ in .text("ok") }) { server in
            var process = try await begin(bench, server.url, .slackWebhook)
            try await pause(bench, process.journal)
            try await pause(bench, process.journal, 2)
            try await process.project()
            try await process.send()
            #expect(await server.requests.all.count == 2)
            bench.clock.advance(by: .seconds(2600))
            try await bench.add([.promoted(by: "ben")], process.journal, 2)
            try await process.project()
            try await process.send()
            #expect(await server.requests.all.count == 2)
            bench.clock.advance(by: .seconds(100))
            // Also by a server that was started meanwhile.
            process = try await begin(bench, server.url, .slackWebhook)
            try await process.outbox.begin()
            try await process.project()
            try await process.send()
            let reminders = await server.requests.all.dropFirst(2)
            #expect(reminders.map { $0.body.contains("blog/1 (v0 → v1): still awaiting promotion") } == [true])
            #expect(
                try await process.states().filter { $0.contains("deadlineNear") }
                    == ["ops blog/1 deadlineNear: delivered", "ops blog/2 deadlineNear: obsolete"])
        }
    }

    @Test("programs are told all of an outage of an hour, and of a longer one what is still news")
    func programs() async throws {
        for (outage, expected) in [(3000, 3), (80_000, 1)] {
            let bench = try OutboxBench()
            let isDown = Switch(true)
            try await TestSupport.withServer({ _, _ in isDown.isOn ? .text("no", status: 503) : .text("ok") }) {
                server in
                var process = try await begin(bench, server.url, .standardWebhooks)
                try await bench.request(process.journal, 1, source: "https://github.com/mike/blog")
                try await bench.add(OutboxBench.course, process.journal, 1)
                try await process.project()
                try await process.send()
                bench.clock.advance(by: .seconds(outage))
                isDown.turnOff()
                try await process.outbox.begin()
                try await process.send()
                let told = await server.requests.all.dropFirst()
                #expect(told.count == expected)
                #expect(told.last?.body.contains(#""type":"release.live""#) == true)
                let first = try #require(try await process.journal.notification(1))
                if outage > 3600 {
                    #expect(
                        first.state == .obsolete && first.answer == "not sent: it is over, and live is told instead")
                    // A person may want it nevertheless.
                    _ = try await process.outbox.resend(1)
                    try await process.send()
                    #expect(await server.requests.all.last?.body.contains("release.requested") == true)
                } else {
                    #expect(first.state == .delivered)
                }
            }
        }
    }

    @Test("people are told what is so now: of a pause that is over, nothing; after a day, the newest")
    func people() async throws {
        let bench = try OutboxBench()
        let isDown = Switch(true)
        try await TestSupport.withServer({ _, _ in isDown.isOn ? .text("no", status: 503) : .text("ok") }) { server in
            var process = try await begin(bench, server.url, .slackWebhook)
            try await pause(bench, process.journal)
            try await process.project()
            try await process.send()
            bench.clock.advance(by: .seconds(60))
            try await bench.add([Self.verified[4]], process.journal, 1)
            try await process.project()
            bench.clock.advance(by: .seconds(60))
            try await process.send()
            let paused = try #require(try await process.journal.notification(1))
            #expect(paused.state == .obsolete)
            #expect(paused.answer == "not sent: the release does not await promotion any more")
            try await bench.add(Array(Self.verified[5...]), process.journal, 1)
            bench.clock.advance(by: .seconds(60))
            try await pause(bench, process.journal, 2)
            for event in Self.verified[4...] {
                try await bench.add([event], process.journal, 2)
                try await process.project()
                try await process.send()
            }
            for _ in 0..<200 where bench.clock.now < paused.at + .seconds(80_000) {
                _ = try await process.passTime()
                try await process.send()
            }
            let attempts = await server.requests.all.count
            isDown.turnOff()
            try await process.sendAll()
            let told = await server.requests.all.dropFirst(attempts).map(\.body)
            // Each release's newest, in their order.
            #expect(told.count == 2 && told[0].contains("blog/1") && told[1].contains("blog/2"))
            #expect(told.allSatisfy { $0.contains("live on green") })
        }
    }

    @Test("a receiver that says that it is gone is failed with what to do, and the next message is tried")
    func gone() async throws {
        let bench = try OutboxBench()
        try await TestSupport.withServer({ _, number in .text("", status: number == 0 ? 410 : 204) }) { server in
            var process = try await begin(bench, server.url, .standardWebhooks)
            try await bench.request(process.journal, 1, source: "https://github.com/mike/blog")
            try await bench.add([OutboxBench.course[0]], process.journal, 1)
            try await process.project()
            try await process.send()
            #expect(try await process.states() == ["ops blog/1 requested: failed", "ops blog/1 started: delivered"])
            let answer = try #require(try await process.journal.notification(1)?.answer)
            #expect(answer == "the receiver does not want messages any more (410): remove it from notify")
        }
    }

    @Test("a test says that it is one, signed as every message")
    func sendTest() async throws {
        try await TestSupport.withServer({ _, _ in .text("ok") }) { server in
            #expect(try await destination(server.url).sendTest() == "200: ok")
            #expect(try await destination(server.url, .slackWebhook).sendTest() == "200: ok")
            let requests = await server.requests.all
            let body = try JSONValue.read(requests[0].body)
            #expect(body["type"].string == "test")
            #expect(
                body["data"]["summary"].string == "This is a test of the destination ops by https://deploy.domain.com")
            #expect(requests[0].headers["webhook-id"]?.hasPrefix("msg_test_") == true)
            #expect(try JSONValue.read(requests[1].body)["text"].string?.hasPrefix("This is a test") == true)
            #expect(requests[1].headers["webhook-signature"] == nil)
        }
    }
}

extension JSONValue {
    fileprivate static func read(_ text: String) throws -> JSONValue {
        try JSONDecoder().decode(JSONValue.self, from: Data(text.utf8))
    }
}
