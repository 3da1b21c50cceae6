import Foundation
import Integrations
import TestSupport
import Testing
import ViridianConfiguration

@Suite("The tokens of forges are tested without writing anything")
struct ForgeTokenTests {
    private static let token = "0123456789secret"

    private func check(
        _ forge: FakeGitHub, token: String = ForgeTokenTests.token
    ) async throws -> Result<ForgeToken, DeliveryFailure> {
        try await withServer({ request, _ in await forge.answer(request) }) { server in
            let api = try #require(URL(string: server.url))
            return try await result(try GitHubDeployments(.init(token: Secret(token), api: api)))
        }
    }

    private func check(
        _ forge: FakeGitLab, token: String = ForgeTokenTests.token
    ) async throws -> Result<ForgeToken, DeliveryFailure> {
        try await withServer({ request, _ in await forge.answer(request) }) { server in
            let api = try #require(URL(string: "\(server.url)/api/v4"))
            return try await result(try GitLabDeployments(.init(token: Secret(token), api: api)))
        }
    }

    private func result(_ forge: some DeploymentForge) async throws -> Result<ForgeToken, DeliveryFailure> {
        let result: Result<ForgeToken, DeliveryFailure>
        do {
            result = .success(try await forge.checkToken())
        } catch let failure as DeliveryFailure {
            result = .failure(failure)
        }
        await forge.shutdown()
        return result
    }

    private func sentence(_ result: Result<ForgeToken, DeliveryFailure>) -> String {
        switch result {
        case .success(let token): token.description
        case .failure(let failure): failure.description
        }
    }

    @Test("GitHub says whether it accepts the token, of a classic one also what it may do, and until when")
    func gitHub() async throws {
        let forge = FakeGitHub(token: Self.token, commits: [:])
        #expect(try await check(forge) == .success(ForgeToken(forge: "GitHub")))
        await forge.classify("repo_deployment, read:org", until: "2026-12-01")
        #expect(sentence(try await check(forge)) == "GitHub accepts the token, which is valid until 2026-12-01")
        await forge.classify("read:org")
        #expect(sentence(try await check(forge)).hasSuffix("(its scopes: read:org): give it the scope repo_deployment"))
        await forge.classify("")
        #expect(sentence(try await check(forge)).contains("(its scopes: none)"))
        let wrong = sentence(try await check(forge, token: "another"))
        #expect(wrong == "GitHub does not accept the token (Bad credentials): put a valid one into report.github.token")
        #expect(await forge.deployments.isEmpty)
    }

    @Test("a GitHub that does not answer, and an address that is none of its API, are told as that")
    func elsewhere() async throws {
        let forge = FakeGitHub(token: Self.token, commits: [:])
        await forge.weather.goDown()
        let down = try await check(forge)
        #expect(sentence(down) == "GitHub answers 502")
        let other = try await withServer({ _, _ in Reply.text("<html>", status: 405) }) { server in
            let api = try #require(URL(string: server.url))
            return try await result(try GitHubDeployments(.init(token: Secret(Self.token), api: api)))
        }
        #expect(sentence(other) == "GitHub answers 405: check report.github.api")
    }

    @Test("GitLab says what the token may do and until when; an old one only whether it accepts it")
    func gitLab() async throws {
        let forge = FakeGitLab(token: Self.token, projects: [:])
        #expect(try await check(forge) == .success(ForgeToken(forge: "GitLab", lastDay: "2026-12-01")))
        await forge.scope(["read_api", "read_repository"])
        #expect(
            sentence(try await check(forge))
                == "the token of report.gitlab may not write deployments (read_api, read_repository): give it the scope api"
        )
        await forge.scope(nil)
        #expect(try await check(forge) == .success(ForgeToken(forge: "GitLab")))
        #expect(sentence(try await check(forge, token: "another")).contains("GitLab does not accept the token"))
        #expect(await forge.deployments.isEmpty)
    }
}
