import Foundation
import Integrations
import Journal
import ReleaseMachine
import TestSupport
import Testing

@testable import Server

@Suite("Twenty apps released at once", .timeLimit(.minutes(10)))
struct SlackCrowdTests {
    /// What happens to the releases, each event at its time, whatever the sender does meanwhile.
    private actor World {
        private let bench: SlackOutboxBench
        private var process: OutboxBench.Process
        private var coming: [(at: Timestamp, release: ToldRelease, event: Event)] = []
        private var isBusy = false

        init(_ bench: SlackOutboxBench) async throws {
            self.bench = bench
            process = try await bench.begin()
        }

        var next: Timestamp? { coming.first?.at }

        func plan(_ release: ToldRelease, from first: Int, at start: Timestamp, every time: Duration) {
            for (index, event) in release.events.dropFirst(first).enumerated() {
                coming.append((start + time * index, release, event.event))
            }
            coming.sort { $0.at < $1.at }
        }

        func catchUp() async throws {
            guard !isBusy else { return }
            isBusy = true
            defer { isBusy = false }
            while let first = coming.first, first.at <= bench.clock.now {
                coming.removeFirst()
                let order = first.release.order
                try await bench.bench.add([first.event], process.journal, order.number, app: order.app, at: first.at)
            }
            var own = process
            try await own.project()
            process = own
        }
    }

    @Test(
        "with a Slack that takes one call a second: each pause is in the channel within 25 seconds of the first, and each message ends right"
    )
    func crowd() async throws {
        try await SlackOutboxBench.run { bench in
            await bench.slack.setRates(.oneCallASecond)
            let world = try await World(bench)
            var process = try await bench.begin { try await world.catchUp() }
            let start = bench.clock.now
            let releases = (0..<20).map { ToldRelease("app-\($0)", 1, nodes: 2, verify: true).reaching(.verifying) }
            for (index, release) in releases.enumerated() {
                await world.plan(release, from: 0, at: start + .milliseconds(index * 50), every: .milliseconds(700))
            }
            try await run(bench, &process, world, until: start + .seconds(60))

            var paused: [Timestamp] = []
            for release in releases {
                let events = try await process.journal.events(app: release.order.app, number: 1)
                let history = try #require(Milestones(events))
                paused.append(try #require(history.all.first { $0.kind == .paused }).at)
            }
            let first = Date(timeIntervalSince1970: Double(try #require(paused.min()).milliseconds) / 1000)
            var messages = await bench.messages()
            #expect(messages.count == 20)
            let delays = messages.map { message in
                message.versions.first { !$0.buttons.isEmpty }.map { $0.at.timeIntervalSince(first) } ?? .infinity
            }
            #expect(delays.allSatisfy { $0 <= 25 }, "\(delays.sorted())")

            let decision = bench.clock.now
            for (index, release) in releases.enumerated() {
                var decided = release
                if index % 2 == 0 {
                    decided.reach(.done)
                } else {
                    decided.apply(.abortRequested(by: "ann", reason: nil))
                    decided.goBack()
                }
                await world.plan(decided, from: release.events.count, at: decision, every: .milliseconds(400))
            }
            try await run(bench, &process, world, until: decision + .seconds(300))
            messages = await bench.messages()
            #expect(messages.count == 20)
            for message in messages {
                let app = try #require(message.text.firstMatch(of: /app-(\d+)/).flatMap { Int($0.1) })
                let wanted =
                    app % 2 == 0
                    ? "✅ app-\(app)/1 · v17 → v18 · green · live" : "⏹️ app-\(app)/1 · v17 → v18 · green · aborted"
                #expect(message.shown.hasPrefix(wanted), "\(message)")
                #expect(message.buttons.isEmpty)
            }
            #expect(await bench.slack.mistakes == [])
            // Slack has to say rarely that it is too much.
            let refused = await bench.slack.calls.filter { $0.refusal == "429" }.count
            #expect(refused <= 6)
            await bench.end(process)
        }
    }

    /// Sends what is due, event by event, until a time.
    private func run(
        _ bench: SlackOutboxBench, _ process: inout OutboxBench.Process, _ world: World, until end: Timestamp
    ) async throws {
        while bench.clock.now < end {
            try await world.catchUp()
            try await process.send()
            bench.clock.advance(by: .milliseconds(100))
        }
    }
}
