import Foundation
import Integrations
import Journal
import ReleaseMachine
import TestSupport
import Testing
import ViridianConfiguration

@testable import Server

/// What people press in Slack, where several servers are there to take it.
@Suite("Slack at several servers", .timeLimit(.minutes(10)))
struct SlackAtSeveralServersTests {
    private static let count = 5

    /// Servers on one journal and one cluster, with the same Slack; each opens its own connections of Socket Mode.
    private func withServers(
        _ socket: FakeSlackSocket? = nil,
        _ test: @escaping @Sendable (FakeSlack, _ servers: [TestServer]) async throws -> Void
    ) async throws {
        let (folder, world) = (try TestFolder(), FakeWorld())
        try await FakeSlack.with { slack, api in
            if let socket { await slack.setSocketURL { await socket.ticket() } }
            let configuration = SlackConfiguration(
                token: Secret(slack.app.token), signingSecret: socket == nil ? Secret(slack.app.signingSecret) : nil,
                appToken: socket.map { _ in Secret(slack.app.appToken) }, channel: "#deploys",
                api: try #require(URL(string: api)), users: SlackWorld.users)
            try await add([], folder, world, configuration) { try await test(slack, $0) }
            #expect(await slack.mistakes.isEmpty)
        }
    }

    private func add(
        _ servers: [TestServer], _ folder: TestFolder, _ world: FakeWorld, _ configuration: SlackConfiguration,
        _ test: @escaping @Sendable ([TestServer]) async throws -> Void
    ) async throws {
        guard servers.count < Self.count else { return try await test(servers) }
        let access = SlackAccess(configuration, try SlackClient(configuration))
        try await withServer(
            folder: folder, world: world, me: "server-\(servers.count + 1)", slack: access,
            settings: { $0.url = SlackWorld.url }
        ) { try await add(servers + [$0], folder, world, configuration, test) }
    }

    /// A click on Promote of a release that awaits it.
    private func click(_ slack: FakeSlack, _ server: TestServer) async throws -> FakeSlack.Interaction {
        let answer = try await server.deploy("v2", more: #", "verify": true"#)
        #expect(answer.status == 201, "\(answer)")
        #expect(try await server.release(1, in: .paused).state == .paused)
        let message = await slack.postByAnotherApp("a release", in: "C024BE91L")
        return await slack.press(FakeSlack.Button("promote", value: "blog/1"), in: message, by: .mike)
    }

    private func expectPromotedOnce(_ slack: FakeSlack, _ journal: Journal, _ server: TestServer) async throws {
        let release = try await server.release(1, in: .live)
        #expect(release.promotedBy == "mike")
        let events = try await journal.events(app: "blog", number: 1)
        #expect(events.count { $0.event == .promoted(by: "mike") } == 1)
        _ = try await slack.wait(for: "an answer") { $0.told(.mike).last }
        #expect(try await journal.audit(limit: 200).filter { $0.action == "promote" }.map(\.outcome) == [.done])
        #expect(await slack.told(.mike).count == 1)
    }

    @Test("a click that Slack sends to all five over their connections promotes once, and the person is told once")
    func socket() async throws {
        try await FakeSlackSocket.with { socket in
            try await withServers(socket) { slack, servers in
                await socket.wait(forConnections: 2 * Self.count)
                let click = try await click(slack, servers[0])
                let connections = await socket.ready
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for connection in connections {
                        group.addTask {
                            try await socket.send("e1", type: "interactive", payload: click.payload, on: connection)
                        }
                    }
                    try await group.waitForAll()
                }
                await socket.wait { $0.acknowledgements.count == connections.count }
                try await expectPromotedOnce(slack, servers[0].journal, servers[0])
            }
            #expect(await socket.mistakes.isEmpty)
        }
    }

    @Test("a signed click that reaches all five is accepted by one, refused by the others, and promotes once")
    func signed() async throws {
        try await withServers { slack, servers in
            let click = try await click(slack, servers[0])
            let headers = slack.headers(for: click.body)
            let answers = try await withThrowingTaskGroup(of: Int.self) { group in
                for server in servers {
                    group.addTask {
                        try await server.call("POST", click.path, click.body, token: "", headers: headers).status
                    }
                }
                return try await group.reduce(into: [Int]()) { $0.append($1) }
            }
            #expect(answers.count { $0 == 200 } == 1 && answers.count == Self.count, "\(answers)")
            try await expectPromotedOnce(slack, servers[0].journal, servers[0])
        }
    }

    @Test("of five people who press at the same moment, each at another server, one promotes")
    func fivePeople() async throws {
        try await withServers { slack, servers in
            let first = try await click(slack, servers[0])
            let message = await slack.postByAnotherApp("a release", in: "C024BE91L")
            let button = FakeSlack.Button("promote", value: "blog/1")
            var clicks = [first]
            for index in 1..<Self.count {
                clicks.append(await slack.press(button, in: message, by: index % 2 == 0 ? .mike : .ann))
            }
            try await withThrowingTaskGroup(of: Int.self) { group in
                for (server, click) in zip(servers, clicks) {
                    let headers = slack.headers(for: click.body)
                    group.addTask {
                        try await server.call("POST", click.path, click.body, token: "", headers: headers).status
                    }
                }
                for try await status in group { #expect(status == 200) }
            }
            let journal = servers[0].journal
            #expect(try await servers[0].release(1, in: .live).state == .live)
            let promotions = try await journal.events(app: "blog", number: 1).count {
                if case .promoted = $0.event { true } else { false }
            }
            #expect(promotions == 1)
            let isAnswered = try await eventually {
                let entries = try await journal.audit(limit: 200).filter { $0.action == "promote" }
                return entries.count == Self.count ? entries.map(\.outcome) : nil
            }
            #expect(isAnswered?.count { $0 == .done } == 1, "\(String(describing: isAnswered))")
        }
    }
}
