import Controller
import Foundation
import Journal
import ReleaseMachine
import Testing
import ViridianConfiguration

@testable import Server

/// What was never read is unknown, not empty.
extension PagesRenderTests {
    private static let problem = "cluster west: 127.0.0.2:6443 refused the connection: nothing is listening there"

    private func unread(_ latest: Release? = nil, readings: [NodeReading] = [], problem: String? = Self.problem) throws
        -> AppView
    {
        AppView(
            app: try PagesStory.configuration("shop"), observation: nil, latest: latest, readings: readings,
            problem: problem, isServed: true)
    }

    private func appPage(_ view: AppView, history: [Release] = []) async throws -> String {
        try await html(
            AppPage(
                app: view, configuration: try PagesStory.configuration("shop"), latest: history.first, history: history,
                before: nil, user: PagesStory.user(.deployer), now: PagesStory.start
            ).page)
    }

    @Test("an app whose cluster was never read: what is live, both colours and the nodes are unknown, on its page")
    func neverRead() async throws {
        let live = try PagesStory.live().release
        for history in [[], [live]] {
            let text = Outline(try await appPage(try unread(history.first), history: history)).text
            #expect(text.contains("what is live is unknown"), "\(text)")
            #expect(text.matches(of: /unknown: the cluster could not be read/).count == 2, "\(text)")
            #expect(text.contains("could not be read since this server started. \(Self.problem)"), "\(text)")
            #expect(
                text.contains("What is live has not been read: the pods start on the colour that is not"), "\(text)")
            for wrong in ["nothing is live yet", "Empty", "first release", "last known state", "0 nodes", "LIVE"] {
                #expect(!text.contains(wrong), "\(wrong): \(text)")
            }
        }
        let nodes = try unread(readings: [NodeReading(node: "10.0.0.9", color: .blue)])
        let text = Outline(try await appPage(nodes)).text
        #expect(text.contains("1 node") && text.contains("all route to blue"), "\(text)")
        let first = Outline(try await appPage(try unread(problem: nil))).text
        #expect(first.contains("not read yet") && !first.contains("nothing is live yet"), "\(first)")
        // What was read once and is empty is told as before.
        let empty = AppView(
            app: try PagesStory.configuration("shop"),
            observation: AppObservation(
                at: PagesStory.start, survey: ClusterSurvey(recorded: nil, recordedBy: nil, workloads: [:]),
                readings: []), latest: nil)
        let known = Outline(try await appPage(empty)).text
        #expect(known.contains("nothing is live yet") && known.contains("Empty: the next release"), "\(known)")
    }

    @Test("on the list of apps it is unknown too, with the whole reason")
    func neverReadInList() async throws {
        func home(_ view: AppView) async throws -> String {
            Outline(
                try await html(
                    HomePage(entries: [.init(app: view, latest: nil)], query: nil, only: nil, now: PagesStory.start)
                        .page)
            ).text
        }
        let reason = String(repeating: "kubeconfig of a long name, ", count: 10) + Self.problem
        let text = try await home(try unread(problem: reason))
        #expect(text.contains("nodes: unknown, they could not be read") && text.contains(reason), "\(text)")
        #expect(text.matches(of: /unknown: the cluster could not be read/).count == 2, "\(text)")
        #expect(!text.contains("empty") && !text.contains("0 nodes"), "\(text)")
        let read = try await home(try unread(readings: [NodeReading(node: "n", color: .green)]))
        #expect(read.contains("1 node: all route to green"), "\(read)")
    }

    @Test("the page of nodes has the nodes of a cluster that was never read, as unknown, and says so once")
    func neverReadNodes() async throws {
        var page = NodesPage(now: PagesStory.start)
        for app in ["shop", "docs"] {
            page.add(
                unread: [NodeReading(node: "10.0.0.9", color: .blue)], of: app, in: "west", problem: Self.problem)
        }
        let text = try await html(page.page)
        #expect(text.contains("id=\"n-west-10.0.0.9\"") && text.contains("2 apps not read yet"), "\(text)")
        #expect(text.matches(of: /what is live is unknown/).count == 1 && text.contains("shop, docs: "), "\(text)")
        #expect(!text.contains("all ok") && !text.contains("drifted"), "\(text)")
    }

    @Test("a node without the upstream file of an app of which nothing is live is new, not drifted")
    func newNode() async throws {
        func page(live: LiveVersion?) async throws -> String {
            var page = NodesPage(now: PagesStory.start)
            page.add(
                AppObservation(
                    at: PagesStory.start, survey: ClusterSurvey(recorded: live, recordedBy: nil, workloads: [:]),
                    readings: [NodeReading(node: "n", color: nil, isNew: true, message: "has no /y.conf yet")]),
                of: "y", isReleasing: false)
            return Outline(try await html(page.page)).text
        }
        let new = try await page(live: nil)
        #expect(new.contains("1 node, 1 app; 1 new") && new.contains("has no /y.conf yet"), "\(new)")
        #expect(!new.contains("drifted"), "\(new)")
        // A machine that has joined does not route what is live.
        #expect(try await page(live: LiveVersion(color: .blue, version: "v1")).contains("1 drifted"))
    }

    @Test("on a narrow screen the times of a server have labels")
    func servers() async throws {
        let server = ServerRecord(
            id: "a", host: "deploy-1", process: 7, url: nil, version: "1", startedAt: PagesStory.start)
        let text = try await html(ServersPage(servers: [server], this: "a", now: PagesStory.start).page)
        #expect(text.contains("data-h=\"running since\"") && text.contains("data-h=\"last seen\""))
    }
}

@Suite("A cluster that was never read", .timeLimit(.minutes(10)))
struct UnreadClusterTests {
    @Test(
        "the API lists what its nodes said, without a live colour, and names the app and the reason",
        arguments: [false, true])
    func nodes(areRead together: Bool) async throws {
        let world = FakeWorld()
        await world.goDown()
        let readings = together ? FakeReadings(world: world, apps: ["blog"]) : nil
        try await withServer(world: world, together: readings, settings: { $0.checkInterval = .milliseconds(50) }) {
            server in
            let list = try await eventually {
                let list = try await server.get("/api/v1/nodes").json
                return list["unread"][0]["problem"].string == "the API does not answer" ? list : nil
            }
            let rows = try #require(list)["nodes"].array
            #expect(rows.compactMap { $0["address"].string } == FakeWorld.nodes)
            #expect(rows.allSatisfy { $0["color"].string == "blue" && $0["live"].string == nil })
            let app = try await server.get("/api/v1/apps/blog").json
            #expect(app["nodes"].array.count == 2 && app["seenAt"].string == nil, "\(app)")
            await world.comeBack()
            let isRead = try await eventually {
                let list = try await server.get("/api/v1/nodes").json
                return list["unread"].array.isEmpty && list["nodes"][0]["live"].string == "blue" ? true : nil
            }
            #expect(isRead == true)
        }
    }
}
