import Foundation
import ReleaseMachine
import TestSupport
import Testing
import ViridianConfiguration

@testable import Integrations

@Suite("Deployments on GitHub")
struct GitHubDeploymentsTests {
    static let token = "ghp_0123456789secret"

    /// A forge and a client for it. The repository's URL is the server's.
    private func withGitHub<Value: Sendable>(
        token: String = GitHubDeploymentsTests.token,
        _ body: (FakeGitHub, GitHubDeployments, _ source: String) async throws -> Value
    ) async throws -> Value {
        let forge = FakeGitHub(token: Self.token, commits: ["mike/blog": [ReleaseStory.commit]])
        return try await withServer({ request, _ in await forge.answer(request) }) { server in
            let client = try client(server.url, token: token)
            let value = try await body(forge, client, "\(server.url)/mike/blog")
            await client.shutdown()
            return value
        }
    }

    private func client(_ url: String, token: String = GitHubDeploymentsTests.token) throws -> GitHubDeployments {
        let api = try #require(URL(string: url))
        return try GitHubDeployments(
            .init(token: Secret(token), api: api), clock: { Date(timeIntervalSince1970: 1_445_783_643) })
    }

    private func story(_ source: String, verify: Bool = true) -> ReleaseStory {
        var story = ReleaseStory(verify: verify, source: source)
        story.reachSwitch()
        story.add(.promoted(by: "mike"))
        story.goLive()
        story.add(.replaced(by: 43, rolledBack: false))
        return story
    }

    /// The failure of a delivery; `nil` when there is none.
    private func failure(_ body: () async throws -> String) async throws -> DeliveryFailure? {
        do {
            _ = try await body()
            return nil
        } catch let failure as DeliveryFailure {
            return failure
        }
    }

    @Test("a release is one deployment, and each of its statuses is added to it")
    func whole() async throws {
        try await withGitHub { forge, client, source in
            let ids = Recorded()
            for report in story(source).reports() {
                let context = DeliveryContext(known: ids.last, record: { ids.add($0) })
                _ = try await client.deliver(report, context)
            }
            let deployments = await forge.deployments
            let deployment = try #require(deployments.first)
            #expect(deployments.count == 1 && ids.all == ["\(deployment.id)"])
            #expect(deployment.ref == ReleaseStory.commit && deployment.environment == "production")
            #expect(deployment.payload.contains(#""viridian":"blog\/42""#), "\(deployment.payload)")
            #expect(deployment.payload.contains("compare"), "\(deployment.payload)")
            #expect(
                deployment.statuses.map(\.state) == [
                    "queued", "in_progress", "pending", "in_progress", "success", "inactive",
                ])
            #expect(deployment.statuses.allSatisfy { $0.logURL == "https://deploy.domain.com/apps/blog/releases/42" })
            #expect(deployment.statuses[2].environmentURL == "http://preview.blog.domain.com/")
            #expect(deployment.statuses[4].environmentURL == "https://blog.domain.com")
        }
    }

    @Test("what an attempt made whose answer was lost is found again, not made twice")
    func lostAnswers() async throws {
        try await withGitHub { forge, client, source in
            let reports = story(source).reports()
            let queued = try #require(reports.first)
            _ = try await client.deliver(queued, DeliveryContext())
            // The process died before it recorded the id, or right after the status.
            let ids = Recorded()
            let again = try await client.deliver(queued, DeliveryContext(isRepeated: true, record: { ids.add($0) }))
            let found = await forge.deployments
            #expect(found.count == 1 && found.first?.statuses.map(\.state) == ["queued"])
            #expect(ids.all == found.map { "\($0.id)" })
            #expect(again.contains("already"))
            // A later status finds it too, when nothing was recorded at all.
            let success = try #require(reports.first { $0.status == .success })
            _ = try await client.deliver(success, DeliveryContext())
            #expect(await forge.deployments.map(\.statuses.count) == [2])
            // Another release of the same commit has a deployment of its own.
            let next = try #require(ReleaseStory(43, source: source).reports().first)
            _ = try await client.deliver(next, DeliveryContext(isRepeated: true))
            #expect(await forge.deployments.map(\.statuses.count) == [2, 1])
        }
    }

    @Test("a release that GitHub never heard of is not reported only to be inactive")
    func inactive() async throws {
        try await withGitHub { forge, client, source in
            let last = try #require(story(source).reports().last)
            let answer = try await client.deliver(last, DeliveryContext())
            #expect(answer == "GitHub has no deployment of blog/42")
            #expect(await forge.deployments.isEmpty)
        }
    }

    @Test("what GitHub refuses for good says what to do, and never the token")
    func refusals() async throws {
        try await withGitHub { forge, client, source in
            let queued = try #require(story(source).reports().first)
            await forge.forbidWriting()
            let forbidden = try await failure { try await client.deliver(queued, DeliveryContext()) }
            #expect(forbidden?.kind == .refused)
            #expect(forbidden?.description.contains("Deployments: write") == true, "\(forbidden as Any)")
            await forge.allowWriting()
            var report = queued
            report.commit = ReleaseStory.liveCommit
            let unknown = try await failure { try await client.deliver(report, DeliveryContext()) }
            #expect(unknown?.kind == .refused)
            #expect(unknown?.description.contains("No ref found for") == true, "\(unknown as Any)")
            report = queued
            report.source = source.replacing("mike", with: "nobody")
            let missing = try await failure { try await client.deliver(report, DeliveryContext()) }
            #expect(missing?.kind == .refused)
            #expect(missing?.description.contains("404") == true, "\(missing as Any)")
            await forge.weather.refuse(
                await forge.weather.requests, with: .text(#"{"message": "bad \#(Self.token)"}"#, status: 401))
            let echo = try await failure { try await client.deliver(queued, DeliveryContext()) }
            #expect(echo?.kind == .refused)
            for failure in [forbidden, unknown, missing, echo] {
                #expect(failure?.description.contains("secret") == (failure == echo))
                #expect(failure?.description.contains(Self.token) == false)
            }
        }
        try await withGitHub(token: "other") { _, client, source in
            let queued = try #require(story(source).reports().first)
            let refused = try await failure { try await client.deliver(queued, DeliveryContext()) }
            #expect(refused?.kind == .refused)
            #expect(refused?.description.contains("report.github.token") == true, "\(refused as Any)")
        }
    }

    @Test(
        "what may pass is retried, when GitHub says so or later",
        arguments: [
            (429, ["Retry-After": "7"], "{}", 7),
            (
                403, ["X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1445783703"],
                #"{"message": "API rate limit exceeded"}"#, 60
            ),
            (403, [:], #"{"message": "You have exceeded a secondary rate limit."}"#, 60),
            (429, ["X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "2000000000"], "{}", 5400),
            (429, ["X-RateLimit-Remaining": "12", "X-RateLimit-Reset": "1445787243"], "{}", 60),
            (502, ["X-RateLimit-Remaining": "4999", "X-RateLimit-Reset": "1445787243"], "", nil),
            (500, [:], "<html>", nil),
            (502, [:], "", nil), (503, ["Retry-After": "30"], "{}", 30),
        ] as [(Int, [String: String], String, Int?)])
    func passing(_ status: Int, _ headers: [String: String], _ body: String, _ seconds: Int?) async throws {
        try await withGitHub { forge, client, source in
            await forge.weather.refuse(0, with: .text(body, status: status, headers: headers))
            let queued = try #require(story(source).reports().first)
            let failure = try await failure { try await client.deliver(queued, DeliveryContext()) }
            #expect(failure?.kind == .unavailable(after: seconds.map { .seconds($0) }))
            _ = try await client.deliver(queued, DeliveryContext(isRepeated: true))
            #expect(await forge.deployments.count == 1)
        }
    }

    @Test("a server that is not there, and one that answers something else than the API, are told apart")
    func unreachable() async throws {
        let port = try unusedPort()
        let client = try client("http://127.0.0.1:\(port)")
        let queued = try #require(story("https://github.com/mike/blog").reports().first)
        let absent = try await failure { try await client.deliver(queued, DeliveryContext()) }
        #expect(absent?.kind == .unavailable(after: nil))
        await client.shutdown()
        try await withGitHub { forge, client, _ in
            await forge.weather.refuse(0, with: .text("<html>", status: 201))
            let page = try await failure { try await client.deliver(queued, DeliveryContext()) }
            #expect(page?.kind == .refused)
            #expect(page?.description.contains("report.github.api") == true, "\(page as Any)")
        }
    }

    @Test("a GitHub Enterprise Server has its API below a path of its own")
    func enterprise() async throws {
        try await withGitHub { forge, client, source in
            let enterprise = try self.client("\(source.replacing("/mike/blog", with: ""))/api/v3")
            let reports = story(source).reports()
            #expect(enterprise.isHome(of: try #require(SourceRepository(source))))
            let ids = Recorded()
            for report in reports {
                _ = try await enterprise.deliver(report, DeliveryContext(known: ids.last, record: { ids.add($0) }))
            }
            #expect(await forge.deployments.map(\.statuses.count) == [reports.count])
            await enterprise.shutdown()
        }
    }

    @Test("a token with a line break is refused, and not shown")
    func brokenToken() async throws {
        try await withGitHub(token: "ghp_secret\n") { _, client, source in
            let queued = try #require(story(source).reports().first)
            let refused = try await failure { try await client.deliver(queued, DeliveryContext()) }
            #expect(refused?.kind == .refused && refused?.description.contains("report.github.token") == true)
            #expect(refused?.description.contains("ghp_secret") == false)
        }
    }

    @Test("a repository that was renamed is followed on its server; the token goes to no other")
    func renamed() async throws {
        try await withGitHub { forge, client, source in
            let queued = try #require(story(source).reports().first)
            await forge.weather.refuse(
                0,
                with: Reply(
                    status: 307,
                    headers: ["Location": "\(source.replacing("/mike/blog", with: ""))/repos/mike/blog/deployments"]))
            _ = try await client.deliver(queued, DeliveryContext())
            #expect(await forge.deployments.count == 1)
            await forge.weather.refuse(
                await forge.weather.requests,
                with: Reply(status: 307, headers: ["Location": "https://elsewhere.example/repos/mike/blog/deployments"])
            )
            let failure = try await failure { try await client.deliver(queued, DeliveryContext()) }
            #expect(failure?.kind == .refused)
        }
    }

    @Test(
        "a repository is at home where its host is the API's",
        arguments: [
            ("https://api.github.com", "https://github.com/mike/blog", true),
            ("https://api.github.com", "git@github.com:mike/blog.git", true),
            ("https://api.github.com", "https://gitlab.com/mike/blog", false),
            ("https://api.acme.ghe.com", "https://acme.ghe.com/mike/blog", true),
            ("https://ghe.domain.com/api/v3", "https://ghe.domain.com/mike/blog", true),
            ("https://ghe.domain.com/api/v3", "https://github.com/mike/blog", false),
            ("https://ghe.domain.com:8443/api/v3", "https://ghe.domain.com:8443/mike/blog", true),
            ("https://ghe.domain.com:8443/api/v3", "git@ghe.domain.com:mike/blog.git", true),
        ])
    func home(_ api: String, _ source: String, _ isHome: Bool) async throws {
        let client = try client(api)
        #expect(client.isHome(of: try #require(SourceRepository(source))) == isHome)
        await client.shutdown()
    }
}
