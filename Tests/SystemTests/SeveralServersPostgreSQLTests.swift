import Fleet
import Foundation
import HTTPTransport
import Kubernetes
import TestSupport
import Testing

extension Releases {
    @Suite("Two servers on one PostgreSQL", .needsPostgreSQL, .needsMachineNames)
    struct SeveralServersPostgreSQLTests {
        @Test(
            "whichever is killed in the middle of a release, the other one finishes it: no request fails, nothing happens twice"
        )
        func killed() async throws {
            try await KilledServers.survive([.discovered, .oneNodeSwitched, .drained])
        }
    }
}

/// How many releases in a row `script/outages` asks for; `nil` when it does not run this.
private let askedReleases = ProcessInfo.processInfo.environment["VIRIDIAN_OUTAGES"].flatMap { Int($0) }

/// What takes long. `script/outages` runs it.
@Suite(.serialized, .needsPostgreSQL, .needsMachineNames, .enabled(if: askedReleases != nil, "script/outages runs it"))
struct Outages {
    /// So many moments: every one, again and again.
    static func moments(_ count: Int) -> [ReleaseMoment] {
        (0..<count).map { ReleaseMoment.allCases[$0 % ReleaseMoment.allCases.count] }
    }

    @Test("two servers, and the one that runs the release is killed in every phase", .timeLimit(.minutes(60)))
    func servers() async throws {
        try await KilledServers.survive(Self.moments(try #require(askedReleases)), within: .seconds(15))
    }

    @Test("two servers, and PostgreSQL is killed in every phase", .timeLimit(.minutes(60)))
    func database() async throws {
        try await KilledDatabase.survive(Self.moments(try #require(askedReleases)))
    }
}

/// Two servers of one journal, of which the one that runs the release is killed, every second time on a machine that the other one cannot see.
struct KilledServers: Sendable {
    private struct Takeover: Sendable {
        var moment: ReleaseMoment
        var isOnOtherMachine: Bool
        var seconds: Double
    }

    private let world: World
    private let uri: String
    private let hold: JournalHold
    private let token: String

    /// With a `limit`, no release may stand still for longer.
    static func survive(_ moments: [ReleaseMoment], within limit: Duration? = nil) async throws {
        try await PostgreSQLServer.withServer { database in
            let uri = try await database.createDatabase()
            let receiver = Receiver()
            try await withServer({ request, _ in await receiver.answer(request) }) { address in
                try await withWorld { world in
                    try world.keepJournal(at: uri)
                    try world.write(
                        world.read("viridian.yaml")
                            + "notify: [{name: ops, url: '\(address.url)/in', secret: whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw}]\n",
                        to: "viridian.yaml")
                    try await world.release("v1")
                    let test = KilledServers(
                        world: world, uri: uri, hold: try await JournalHold(uri), token: try await world.token())
                    let (takeovers, watched) = try await world.watched { try await test.run(moments) }
                    watched.expectUnnoticed("\(watched.failures.prefix(5)) \(watched.dark)")
                    test.report(takeovers, watched)
                    if let limit {
                        for takeover in takeovers {
                            #expect(takeover.seconds <= limit.inSeconds, "\(takeover)")
                        }
                    }
                    try await test.expectToldOnce(moments, receiver)
                }
            }
        }
    }

    private func run(_ moments: [ReleaseMoment]) async throws -> [Takeover] {
        try await world.withServers { servers in
            // The first two see each other's processes.
            var one = try await servers.start()
            var other = try await servers.start()
            var takeovers: [Takeover] = []
            for (index, moment) in moments.enumerated() {
                takeovers.append(try await release(index + 2, killedAt: moment, one, other))
                // The next one that is killed is the one that has just taken over. Every second time its machine is not the other's.
                let machine = index % 2 == 0 ? "machine-\(index)" : other.machine
                (one, other) = (other, try await servers.start(on: machine))
            }
            let list = try JSON(parsing: try await one.serving.get("/api/v1/servers", token: token).body)
            let states = list["servers"]?.array?.compactMap { $0["state"]?.string } ?? []
            #expect(states.count == moments.count + 2 && states.count { $0 == "running" } >= 2, "\(list.text)")
            return takeovers
        }
    }

    /// A release that `first` runs until it is killed.
    private func release(
        _ number: Int, killedAt moment: ReleaseMoment, _ first: ServerProcess, _ other: ServerProcess
    ) async throws -> Takeover {
        let before = try world.reloads()
        if moment != .paused { try await hold.begin(at: moment, of: number) }
        let body = #"{"version": "v\#(number)", "verify": \#(moment == .paused)}"#
        let answer = try await first.serving.post("/api/v1/apps/blog/releases", body, token: token)
        #expect(answer.status == 201, "\(String(decoding: answer.body, as: UTF8.self))")
        if moment == .paused {
            try await other.serving.waitLong(for: "paused", of: number, token)
        } else {
            try await hold.waitUntilReached()
        }
        let killed = await first.kill()
        try await hold.end()
        if moment == .paused {
            let isTakenUp = try await eventually(within: .seconds(600)) {
                try await JournalLine.all(of: number, in: uri).contains { $0.name == "takenUp" }
            }
            #expect(isTakenUp)
            let path = "/api/v1/apps/blog/releases/\(number)/promote"
            #expect(try await other.serving.post(path, "{}", token: token).status == 202)
        }
        try await other.serving.waitLong(for: "live", of: number, token)
        #expect(try await world.served() == ["v\(number)", "v\(number)"])
        let lines = try await JournalLine.all(of: number, in: uri)
        JournalLine.expectOnce(lines, takenUp: 1, promoted: moment == .paused ? 1 : 0)
        let after = try world.reloads()
        #expect(zip(before, after).map { $1 - $0 } == [1, 1], "\(moment): \(before) \(after)")
        let takenUp = try #require(lines.first { $0.name == "takenUp" }, "\(lines)")
        return Takeover(
            moment: moment, isOnOtherMachine: first.machine != other.machine,
            seconds: takenUp.at.timeIntervalSince(killed))
    }

    /// Each message of each release came; what the killed server had sent and not yet written down, a second time with the same id.
    private func expectToldOnce(_ moments: [ReleaseMoment], _ receiver: Receiver) async throws {
        // Each release has replaced the one before it, also the first one, which no server has run.
        let superseded = (1...moments.count).map { "blog/\($0) release.superseded" }
        let wanted =
            moments.enumerated().flatMap { index, moment in
                (["requested", "started"] + (moment == .paused ? ["paused", "promoted"] : []) + ["live"])
                    .map { "blog/\(index + 2) release.\($0)" }
            } + superseded
        let isTold = try await eventually(within: .seconds(600)) {
            await Set(wanted).isSubset(of: receiver.counts.keys)
        }
        let told = await receiver.counts
        #expect(isTold && Set(told.keys) == Set(wanted), "\(told)")
        // By whom it was written that it was sent, and by the one after it.
        #expect(told.values.allSatisfy { $0 <= 2 }, "\(told)")
        print("outages: \(told.count) messages, \(told.values.count { $0 > 1 }) of them sent again with the same id")
    }

    private func report(_ takeovers: [Takeover], _ watched: Watched) {
        print(
            "outages: \(takeovers.count) releases, each with a server killed; \(watched.sent) requests, \(watched.failures.count) failed"
        )
        for phase in ReleaseMoment.phases {
            for isOther in [false, true] {
                let seconds = takeovers.filter { $0.moment.phase == phase && $0.isOnOtherMachine == isOther }.map(
                    \.seconds)
                guard let least = seconds.min(), let most = seconds.max() else { continue }
                let place = isOther ? "on another machine" : "on the same machine"
                print(
                    "outages: \(phase), \(place): taken over after \(least.text)–\(most.text) s (\(seconds.count) times)"
                )
            }
        }
    }

    /// Receives messages, and counts how often each came.
    private actor Receiver {
        private(set) var counts: [String: Int] = [:]
        private var ids: [String: String] = [:]

        func answer(_ request: Received) -> Reply {
            guard let content = try? JSON(parsing: Data(request.body.utf8)), let type = content["type"]?.string,
                let number = content[at: "data.release.number"]?.integer,
                let id = request.headers.first(where: { $0.key.lowercased() == "webhook-id" })?.value
            else { return Reply(status: 400) }
            let message = "blog/\(number) \(type)"
            // One that has another id is another message to whoever receives it.
            let isSame = ids.updateValue(id, forKey: message).map { $0 == id } ?? true
            counts[isSame ? message : "\(message) \(id)", default: 0] += 1
            return Reply(status: 204)
        }
    }
}

extension World {
    /// How often each node's nginx has loaded its configuration again.
    func reloads() throws -> [Int] {
        try nodes.map { node in
            try String(contentsOfFile: node.errorLog, encoding: .utf8).split(separator: "\n")
                .count { $0.contains("signal 1 (SIGHUP) received") }
        }
    }
}

extension Serving {
    /// Waits for a state of a release also where it has to be taken over first.
    func waitLong(for state: String, of number: Int, _ token: String) async throws {
        let isThere = try await eventually(within: .seconds(600)) { try await self.state(of: number, token) == state }
        try #require(isThere, "blog/\(number) did not become \(state)")
    }
}

extension Duration {
    var inSeconds: Double { self / .seconds(1) }
}

extension Double {
    /// With one digit after the point.
    var text: String { String(format: "%.1f", self) }
}
