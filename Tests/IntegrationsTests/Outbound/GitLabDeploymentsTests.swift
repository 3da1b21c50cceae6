import Foundation
import ReleaseMachine
import TestSupport
import Testing
import ViridianConfiguration

@testable import Integrations

@Suite("Deployments on GitLab")
struct GitLabDeploymentsTests {
    static let token = "glpat-0123456789secret"

    private func withGitLab<Value: Sendable>(
        project: FakeGitLab.Project = .init(commits: [ReleaseStory.commit], branches: ["main"], tags: ["v2"]),
        token: String = GitLabDeploymentsTests.token,
        _ body: (FakeGitLab, GitLabDeployments, _ source: String) async throws -> Value
    ) async throws -> Value {
        let start = Date(timeIntervalSince1970: Double(ReleaseStory.start.milliseconds) / 1000)
        let forge = FakeGitLab(token: Self.token, projects: ["group/sub/blog": project], now: { start })
        return try await withServer({ request, _ in await forge.answer(request) }) { server in
            let api = try #require(URL(string: "\(server.url)/api/v4"))
            let client = try GitLabDeployments(.init(token: Secret(token), api: api))
            let value = try await body(forge, client, "\(server.url)/group/sub/blog")
            await client.shutdown()
            return value
        }
    }

    private func live(_ source: String, _ number: Int = 42, ref: String? = "main") -> ReleaseStory {
        var story = ReleaseStory(number, source: source) { $0.ref = ref }
        story.reachSwitch()
        story.goLive()
        return story
    }

    private func reports(_ story: ReleaseStory, _ client: GitLabDeployments) -> [DeploymentReport] {
        story.reports().filter { client.tells($0.status) }
    }

    private func failure(_ body: () async throws -> String) async throws -> DeliveryFailure? {
        do {
            _ = try await body()
            return nil
        } catch let failure as DeliveryFailure {
            return failure
        }
    }

    @Test("a release is one deployment, running and then a success, and its environment gets its URL")
    func whole() async throws {
        try await withGitLab { forge, client, source in
            let ids = Recorded()
            for report in reports(live(source), client) {
                _ = try await client.deliver(report, DeliveryContext(known: ids.last, record: { ids.add($0) }))
            }
            let deployments = await forge.deployments
            let deployment = try #require(deployments.first)
            #expect(deployments.count == 1 && ids.all == ["\(deployment.id)"])
            #expect(deployment.project == "group/sub/blog" && deployment.environment == "production")
            #expect(deployment.sha == ReleaseStory.commit && deployment.ref == "main" && !deployment.tag)
            #expect(deployment.statuses == ["running", "success"])
            #expect(await forge.urls == ["production": "https://blog.domain.com"])
        }
    }

    @Test("a failure is failed, an abort is canceled")
    func endings() async throws {
        try await withGitLab { forge, client, source in
            var failed = ReleaseStory(1, source: source) { $0.ref = "main" }
            failed.add(.refused(.survey, message: "no", details: []), .readBack([]), .candidateRemoved)
            var aborted = ReleaseStory(2, source: source) { $0.ref = "main" }
            aborted.reachSwitch()
            aborted.add(.abortRequested(by: "mike", reason: nil), .readBack([]), .candidateRemoved)
            for story in [failed, aborted] {
                let ids = Recorded()
                for report in reports(story, client) {
                    _ = try await client.deliver(report, DeliveryContext(known: ids.last, record: { ids.add($0) }))
                }
            }
            #expect(await forge.deployments.map(\.statuses) == [["running", "failed"], ["running", "canceled"]])
        }
    }

    @Test(
        "the ref is the release's branch or tag, the default branch where none is known, the commit where the branch is gone",
        arguments: [
            ("main", "main", false), ("v2", "v2", true), (nil, "main", false),
            ("feature/x", ReleaseStory.commit, false),
        ]
            as [(String?, String, Bool)])
    func refs(_ ref: String?, _ expected: String, _ isTag: Bool) async throws {
        try await withGitLab { forge, client, source in
            let queued = try #require(live(source, ref: ref).reports().first)
            _ = try await client.deliver(queued, DeliveryContext())
            let made = await forge.deployments
            #expect(made.map(\.ref) == [expected] && made.map(\.tag) == [isTag])
        }
    }

    @Test("what an attempt made whose answer was lost is found again: not a job's, not another release's")
    func lostAnswers() async throws {
        try await withGitLab { forge, client, source in
            await forge.addJob("group/sub/blog", "production", ReleaseStory.commit)
            let first = reports(live(source, 41), client)
            let other = Recorded()
            _ = try await client.deliver(try #require(first.first), DeliveryContext(record: { other.add($0) }))

            let second = reports(live(source, 42), client)
            let queued = try #require(second.first)
            _ = try await client.deliver(queued, DeliveryContext())  // its id is lost
            let ids = Recorded()
            let taken = Set(other.all)
            _ = try await client.deliver(
                queued, DeliveryContext(isRepeated: true, taken: { taken }, record: { ids.add($0) }))
            let made = await forge.deployments
            #expect(made.count == 3 && ids.all == ["\(made[2].id)"])
            // The first attempt did not reach it.
            let third = reports(live(source, 43), client)
            _ = try await client.deliver(
                try #require(third.first), DeliveryContext(isRepeated: true, taken: { taken.union(ids.all) }))
            #expect(await forge.deployments.count == 4)
        }
    }

    @Test("a status that GitLab has already is done")
    func twice() async throws {
        try await withGitLab { forge, client, source in
            let both = reports(live(source), client)
            let ids = Recorded()
            for report in both + both.suffix(1) {
                _ = try await client.deliver(report, DeliveryContext(known: ids.last, record: { ids.add($0) }))
            }
            #expect(await forge.deployments.map(\.statuses) == [["running", "success"]])
        }
    }

    @Test("what GitLab refuses for good says what to do, and never the token")
    func refusals() async throws {
        try await withGitLab { forge, client, source in
            let queued = try #require(live(source).reports().first)
            await forge.demote()
            let forbidden = try await failure { try await client.deliver(queued, DeliveryContext()) }
            #expect(forbidden?.kind == .refused)
            #expect(forbidden?.description.contains("role Developer") == true, "\(forbidden as Any)")
            await forge.promote()
            var report = queued
            report.commit = ReleaseStory.liveCommit
            let unknown = try await failure { try await client.deliver(report, DeliveryContext()) }
            #expect(unknown?.kind == .refused)
            #expect(unknown?.description.contains("The commit does not exist") == true, "\(unknown as Any)")
            report = queued
            report.source = source.replacing("sub", with: "nobody")
            let missing = try await failure { try await client.deliver(report, DeliveryContext()) }
            #expect(missing?.kind == .refused)
            #expect(missing?.description.contains("404 Project Not Found") == true, "\(missing as Any)")
        }
        try await withGitLab(token: "other-secret") { _, client, source in
            let queued = try #require(live(source).reports().first)
            let refused = try await failure { try await client.deliver(queued, DeliveryContext()) }
            #expect(refused?.description.contains("report.gitlab.token") == true, "\(refused as Any)")
            #expect(refused?.description.contains("other-secret") == false)
        }
    }

    @Test("an environment's URL that somebody set stays; one that GitLab refuses does not fail the report")
    func environmentURL() async throws {
        try await withGitLab { forge, client, source in
            let both = reports(live(source), client)
            let ids = Recorded()
            _ = try await client.deliver(both[0], DeliveryContext(record: { ids.add($0) }))
            // The update of the deployment is request 3, that of the environment the next one.
            let next = await forge.weather.requests + 1
            await forge.weather.refuse(next, with: .text(#"{"message": "403 Forbidden"}"#, status: 403))
            let answer = try await client.deliver(both[1], DeliveryContext(known: ids.last))
            #expect(answer.hasSuffix("; the environment's URL cannot be set (403: 403 Forbidden)"), "\(answer)")
            #expect(await forge.deployments.map(\.statuses) == [["running", "success"]])
        }
    }
}
