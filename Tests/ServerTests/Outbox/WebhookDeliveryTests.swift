import Foundation
import Integrations
import Journal
import ReleaseMachine
import Simulator
import Synchronization
import TestSupport
import Testing
import ViridianConfiguration

@testable import Server

@Suite("A thousand webhooks, a receiver that fails three times in ten, and a server that dies three times", .serialized)
struct WebhookDeliveryTests {
    private static let secrets = [WebhookDestinationTests.secret, "whsec_c2Vjb25kIGtleSBvZiB0aGUgcmVjZWl2ZXI="]

    /// What the receiver does, and what it has seen.
    private final class Receiver: Sendable {
        private let random: Mutex<SeededGenerator>
        private let accepted = Mutex<[(id: String, body: String)]>([])
        private let cut = Mutex<(count: Int, action: (@Sendable () -> Void)?)>((0, nil))

        init(_ seed: UInt64) { random = Mutex(SeededGenerator(seed: seed)) }

        var all: [(id: String, body: String)] { accepted.withLock { $0 } }

        /// Does something when so many more messages have been accepted, before the answer.
        func after(_ count: Int, _ action: @escaping @Sendable () -> Void) { cut.withLock { $0 = (count, action) } }

        func answer(_ request: Received) -> Reply {
            let dice = random.withLock { Int.random(in: 0..<100, using: &$0) }
            switch dice {
            case ..<10: return .text("no", status: 500)
            case ..<15: return .text("", status: 429, headers: ["Retry-After": "3"])
            case ..<20: return .text("", status: 503, headers: ["Retry-After": "120"])
            case ..<25: return Reply(steps: [.drop])
            default: break
            }
            accepted.withLock { $0.append((request.headers["webhook-id"] ?? "", request.body)) }
            let action = cut.withLock { cut -> (@Sendable () -> Void)? in
                cut.count -= 1
                return cut.count == 0 ? cut.action : nil
            }
            action?()
            // It has the message, and its answer is lost.
            return dice < 30 ? .text("", status: 502) : .text("ok")
        }
    }

    @Test("each arrives at least once, in the order of its release, with an id that stays", .timeLimit(.minutes(10)))
    func thousand() async throws {
        let bench = try OutboxBench()
        let receiver = Receiver(7)
        let apps = (1...20).map { "app-\($0)" }
        let releases = 17
        try await TestSupport.withServer({ request, _ in receiver.answer(request) }) { server in
            let configuration = NotifyConfiguration(
                name: "ops", url: try #require(URL(string: server.url)), secrets: Self.secrets.map(Secret.init))
            @Sendable func begin() async throws -> OutboxBench.Process {
                let sender = try WebhookSender(configuration, environment: [:])
                return try await bench.begin([WebhookDestination(configuration, sender: sender, server: nil, apps: [])])
            }
            var process = try await begin()
            for number in 1...releases {
                for app in apps {
                    try await bench.request(process.journal, number, app: app, source: "https://github.com/mike/blog")
                    try await bench.add(OutboxBench.course, process.journal, number, app: app)
                }
                try await process.project()
                if number.isMultiple(of: 5) {
                    let dying = Task {
                        var process = try await begin()
                        try await process.outbox.begin()
                        try await process.sendAll()
                    }
                    receiver.after(number * 2) { dying.cancel() }
                    await #expect(throws: (any Error).self) { try await dying.value }
                    process = try await begin()
                    try await process.outbox.begin()
                }
                try await process.sendAll()
            }
            let rows = try await process.journal.notifications(limit: 5000)
            #expect(rows.count == 1020 && rows.allSatisfy { $0.state == .delivered })
        }
        let all = receiver.all
        let bodies = Dictionary(grouping: all, by: \.id).mapValues { Set($0.map(\.body)) }
        #expect(bodies.count == 1020 && bodies.values.allSatisfy { $0.count == 1 })
        #expect(all.count > 1020)
        // A repeated one follows the first: what is left without them is in order.
        var told: [String: [String]] = [:]
        for message in all {
            let parts = message.id.split(separator: "_").map(String.init)
            let (app, name) = (parts[1], "\(parts[2]) \(parts[3])")
            if told[app]?.last != name { told[app, default: []].append(name) }
        }
        let expected = (1...releases).flatMap { number in
            ["requested", "started", "live"].map { "\(number) \($0)" }
        }
        for app in apps { #expect(told[app] == expected, "\(app)") }
    }
}
