import Foundation
import Integrations
import Journal
import JournalSQLite
import ReleaseMachine
import TestSupport
import Testing
import ViridianConfiguration

@testable import Server

/// A journal whose releases are told to a Slack on loopback, by servers that may end and start again. Time passes when the test says so, and
/// when calls wait for their turn.
struct SlackOutboxBench {
    let bench: OutboxBench
    let clock: PassingClock
    let slack: FakeSlack
    private let api: String

    /// Slack's clock is `ahead` seconds ahead of the server's.
    static func run<Value: Sendable>(
        ahead: Double = 0, _ test: @escaping @Sendable (SlackOutboxBench) async throws -> Value
    ) async throws -> Value {
        let bench = try OutboxBench()
        let clock = PassingClock(bench.clock)
        return try await FakeSlack.with(now: { clock.date.addingTimeInterval(ahead) }) { slack, api in
            try await test(SlackOutboxBench(bench: bench, clock: clock, slack: slack, api: api))
        }
    }

    /// A server's outbox, as after a start. `waiting` is told of time that passes while a call waits for its turn.
    func begin(
        deadline: Duration = .seconds(15), _ waiting: @escaping @Sendable () async throws -> Void = {}
    ) async throws -> OutboxBench.Process {
        let configuration = SlackConfiguration(
            token: Secret(slack.app.token), signingSecret: Secret(slack.app.signingSecret), channel: "#deploys",
            api: try #require(URL(string: api)),
            users: [.init(.id(FakeSlack.Person.mike.id), name: "Mike", role: .deployer)])
        let client = try SlackClient(
            configuration, deadline: deadline, now: { [clock] in .milliseconds(clock.now.milliseconds) },
            sleep: { [clock] length in
                try await clock.sleep(for: length)
                try await waiting()
            })
        return try await bench.begin([
            SlackDestination(
                configuration, client, server: "https://deploy.domain.com",
                journal: try Journal(path: bench.folder.journal), clock: clock)
        ])
    }

    func end(_ process: OutboxBench.Process) async {
        for destination in process.destinations { await destination.close() }
    }

    /// Writes what has happened to a release since it was last told, with the clock's time, and sends what is due after each event.
    func tell(_ told: ToldRelease, _ process: inout OutboxBench.Process, every time: Duration = .seconds(2))
        async throws
    {
        let (app, number) = (told.order.app, told.order.number)
        let known = try await process.journal.events(app: app, number: number).count
        for event in told.events.dropFirst(known) {
            clock.advance(by: time)
            try await bench.add([event.event], process.journal, number, app: app)
            try await process.project()
            try await process.send()
        }
    }

    /// Writes what has happened to a release, all of it now, and sends nothing.
    func add(_ told: ToldRelease, _ process: OutboxBench.Process) async throws {
        let (app, number) = (told.order.app, told.order.number)
        let known = try await process.journal.events(app: app, number: number).count
        try await bench.add(told.events.dropFirst(known).map(\.event), process.journal, number, app: app)
    }

    /// Lets the time pass, and sends what is due.
    func pass(_ time: Duration, _ process: inout OutboxBench.Process, step: Duration = .seconds(30)) async throws {
        let end = clock.now + time
        while clock.now < end {
            clock.advance(by: min(step, end - clock.now))
            try await process.send()
        }
    }

    /// What is in the channel outside of threads, without what lines of threads show there.
    func messages() async -> [FakeSlack.Message] {
        await slack.messages(in: "deploys").filter { $0.thread == nil }
    }

    func thread() async throws -> [FakeSlack.Message] {
        let message = try #require(await messages().last)
        return await slack.thread(of: message)
    }
}
