import Controller
import Foundation
import Journal
import JournalSQLite
import ReleaseMachine
import Testing
import ViridianConfiguration

@testable import Server

@Suite("Several servers on one journal")
struct SeveralServersTests {
    private static let count = 5

    /// Servers on the same journal and cluster; each has another name in the cluster. All are torn down with the last.
    private func withServers(
        _ count: Int, folder: TestFolder, world: FakeWorld, destinations: [any OutboxDestination] = [],
        _ servers: [TestServer] = [],
        _ body: @escaping @Sendable ([TestServer]) async throws -> Void
    ) async throws {
        guard servers.count < count else { return try await body(servers) }
        var settings = HookSettings(hooks: HooksConfiguration(registry: Secret(RegistryEvents.secret)))
        settings.lookup = NoRegistry()
        try await withServer(
            folder: folder, world: world, me: "server-\(servers.count + 1)", destinations: destinations,
            configure: {
                $0.whenBusy = .queue
                $0.releaseOn = ReleaseTriggers(tags: ["v*"])
            }, hooks: settings
        ) { server in
            try await withServers(
                count, folder: folder, world: world, destinations: destinations, servers + [server], body)
        }
    }

    @Test("each lists all of them, and says which one it is; one that is stopped is not listed any more")
    func listed() async throws {
        let (folder, world) = (try TestFolder(), FakeWorld())
        try await withServer(folder: folder, world: world, me: "server-1") { first in
            try await withServer(folder: folder, world: world, me: "server-2") { second in
                for server in [first, second] {
                    let list = try await server.get("/api/v1/servers", token: first.admin)
                    let servers = list.json["servers"].array
                    #expect(servers.map { $0["state"].string } == ["running", "running"], "\(list)")
                    let this = servers.filter { $0["isThis"] == .bool(true) }.map { $0["id"].string }
                    #expect(this == [server.services.presence.id], "\(list)")
                    #expect(server.services.metrics.text.contains("viridian_servers"))
                }
                let page = try await PagesTests.Visitor(second, token: first.admin).get("/servers")
                #expect(page.status == 200 && page.text.contains("this page"), "\(page)")
            }
            let list = try await first.get("/api/v1/servers")
            #expect(list.json["servers"].array.count == 1, "\(list)")
            let left = try await first.journal.servers().map(\.id)
            #expect(left == [first.services.presence.id])
        }
    }

    @Test("a release that a server leaves goes on at another one, without a person")
    func takenOver() async throws {
        let (folder, world) = (try TestFolder(), FakeWorld())
        try await withServer(folder: folder, world: world, me: "server-1") { first in
            try await withServer(folder: folder, world: world, me: "server-2") { second in
                let started = try await second.deploy(more: #", "verify": true"#)
                #expect(started.status == 201)
                let paused = try await second.release(1, in: .paused)
                #expect(paused.state == .paused)
            }
            let isTakenUp = try await eventually(within: .seconds(600)) {
                try await first.journal.events(app: "blog", number: 1)
                    .contains { if case .takenUp = $0.event { true } else { false } } ? true : nil
            }
            #expect(isTakenUp == true)
            #expect(await world.state("blog").holder == "server-1")
            #expect(try await first.post("/api/v1/apps/blog/releases/1/promote").status == 202)
            #expect(try await first.release(1, in: .live).state == .live)
            let numbers = try await first.journal.numbers(app: "blog", limit: 9)
            #expect(numbers == [1])
        }
    }

    @Test("what a person says at one server reaches the release that another one runs")
    func commands() async throws {
        let (folder, world) = (try TestFolder(), FakeWorld())
        try await withServers(2, folder: folder, world: world) { servers in
            let (one, other) = (servers[0], servers[1])
            #expect(try await one.deploy("v1", more: #", "verify": true"#).status == 201)
            #expect(try await one.release(1, in: .paused).state == .paused)
            let promoted = try await other.post("/api/v1/apps/blog/releases/1/promote", token: one.admin)
            #expect(promoted.status == 202, "\(promoted)")
            #expect(try await one.release(1, in: .live).state == .live)
            let events = try await one.journal.events(app: "blog", number: 1)
            let takenUp = events.filter { if case .takenUp = $0.event { true } else { false } }
            #expect(takenUp.isEmpty, "the server that ran it has gone on")
        }
    }

    @Test("one push that all five receive starts one release, and each message about it goes out once")
    func push() async throws {
        let (folder, world) = (try TestFolder(), FakeWorld())
        let chat = ScriptedDestination("chat")
        try await withServers(Self.count, folder: folder, world: world, destinations: [chat]) { servers in
            let admin = servers[0].admin
            try await withThrowingTaskGroup(of: Int.self) { group in
                for server in servers {
                    group.addTask {
                        let body = #"{"app": "blog", "version": "v1"}"#
                        return try await server.post("/hooks/deploy", body, token: admin).status
                    }
                }
                for try await status in group { #expect((200..<300).contains(status), "\(status)") }
            }
            let journal = servers[0].journal
            #expect(try await servers[0].release(1, in: .live).state == .live)
            let isDone = try await eventually {
                let isOpen = try await journal.deliveries(limit: 9).contains { delivery in
                    delivery.nextAt != nil
                        || delivery.results.contains { $0.state == .waiting || $0.state == .starting }
                }
                let isQueued = try await !journal.queue().isEmpty
                return !isOpen && !isQueued ? true : nil
            }
            #expect(isDone == true)
            let numbers = try await journal.numbers(app: "blog", limit: 9)
            #expect(numbers == [1])
            let told = try await eventually { chat.all.contains("blog/1 live") ? chat.all : nil }
            #expect(told == ["blog/1 requested", "blog/1 started", "blog/1 live"])
        }
    }

    @Test("an event stream goes on at another server after the last event that was received")
    func stream() async throws {
        let (folder, world) = (try TestFolder(), FakeWorld())
        try await withServers(2, folder: folder, world: world) { servers in
            let (one, other) = (servers[0], servers[1])
            #expect(try await one.deploy("v1", more: #", "verify": true"#).status == 201)
            #expect(try await one.release(1, in: .paused).state == .paused)
            let path = "/api/v1/apps/blog/releases/1/events"
            let first = try await one.messages(path) { $0.count >= 3 }
            let last = try #require(first.last?.id)
            #expect(try await one.post("/api/v1/apps/blog/releases/1/promote").status == 202)
            let rest = try await other.messages(path, after: last, token: one.admin)
            let ids = (first + rest).compactMap(\.id)
            #expect(ids == Array(1...ids.count), "each once, none left out")
            #expect(rest.last?.type == "end")
        }
    }

    @Test("a token is good at each server, and at none once it was revoked at one")
    func tokens() async throws {
        let (folder, world) = (try TestFolder(), FakeWorld())
        try await withServers(2, folder: folder, world: world) { servers in
            let token = try await servers[0].token(.viewer)
            for server in servers { #expect(try await server.get("/api/v1/apps", token: token).status == 200) }
            let list = try await servers[0].get("/api/v1/tokens").json["tokens"].array
            let id = try #require(list.first { $0["name"].string == "viewer" }?["id"].string)
            let revoked = try await servers[0].call("DELETE", "/api/v1/tokens/\(id)")
            #expect((200..<300).contains(revoked.status), "\(revoked)")
            let began = ContinuousClock.now
            let isRefused = try await eventually {
                try await servers[1].get("/api/v1/apps", token: token).status == 401 ? true : nil
            }
            #expect(isRefused == true, "after \(ContinuousClock.now - began)")
        }
    }

    @Test("a server that stops says so to a balancer")
    func stopping() async throws {
        try await withServer { server in
            #expect(try await server.get("/readyz").status == 200)
            server.services.presence.noteStopping()
            let answer = try await server.get("/readyz")
            #expect(answer.status == 503 && answer.json["server"].string == "is stopping", "\(answer)")
        }
    }

    @Test("of several servers one repairs nodes; another one does when that is gone")
    func duty() async throws {
        let (folder, world) = (try TestFolder(), FakeWorld())
        try await withServer(folder: folder, world: world, me: "server-1") { first in
            try await withServer(folder: folder, world: world, me: "server-2") { second in
                let mine = JournalLease("repair", second.services.presence)
                let others = JournalLease("repair", first.services.presence)
                #expect(await mine.isHeld())
                #expect(await mine.isHeld())
                #expect(await !others.isHeld())
            }
            #expect(await JournalLease("repair", first.services.presence).isHeld())
        }
    }
}
