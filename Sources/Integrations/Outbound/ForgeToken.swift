import Foundation
import HTTPTransport

/// What a forge says of the token that it is called with, without anything being written there.
package struct ForgeToken: Sendable, Hashable, CustomStringConvertible {
    /// `GitHub`
    package var forge: String
    /// The last day on which it is valid, `2026-12-01`; `nil` where it does not end, or the forge does not say.
    package var lastDay: String?

    package init(forge: String, lastDay: String? = nil) {
        self.forge = forge
        self.lastDay = lastDay
    }

    package var description: String {
        "\(forge) accepts the token" + (lastDay.map { ", which is valid until \($0)" } ?? "")
    }
}

extension GitHubDeployments {
    /// Asks for the rate limit, which every token may read and which costs none of it:
    /// https://docs.github.com/en/rest/rate-limit/rate-limit
    ///
    /// Only tokens of the classic kind say what they may do. Whether another one may write deployments depends on the repository.
    package func checkToken() async throws -> ForgeToken {
        let answer = try await api.call("GET", "/rate_limit")
        // A GitHub Enterprise Server without rate limits answers 404, to a token that it knows.
        guard answer.status == 200 || answer.status == 404 else {
            throw DeliveryFailure(
                .refused,
                "GitHub answers \(answer.status)\(answer.message.isEmpty ? "" : " (\(answer.message))"): check report.github.api"
            )
        }
        if let said = answer.headers["X-OAuth-Scopes"] {
            let scopes = said.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
            guard !Set(scopes).isDisjoint(with: ["repo", "repo_deployment", "public_repo"]) else {
                throw DeliveryFailure(
                    .refused,
                    "the token of report.github may not write deployments (its scopes: \(scopes.isEmpty ? "none" : said)): give it the "
                        + "scope repo_deployment")
            }
        }
        // `2026-12-01 09:00:00 UTC`
        let day = answer.headers["GitHub-Authentication-Token-Expiration"].map { String($0.prefix(10)) }
        return ForgeToken(forge: "GitHub", lastDay: day)
    }
}

extension GitLabDeployments {
    /// Asks for the token itself: https://docs.gitlab.com/api/personal_access_tokens/#self-inform
    ///
    /// Whether its owner may deploy in a project depends on the project.
    package func checkToken() async throws -> ForgeToken {
        struct Token: Decodable {
            var scopes: [String]
            var expiresAt: String?

            private enum CodingKeys: String, CodingKey {
                case scopes
                case expiresAt = "expires_at"
            }
        }
        let answer = try await api.call("GET", "/personal_access_tokens/self")
        if answer.status == 200 {
            let token = try api.decode(Token.self, answer)
            guard token.scopes.contains("api") else { throw lacksScope(token.scopes.joined(separator: ", ")) }
            return ForgeToken(forge: "GitLab", lastDay: token.expiresAt)
        }
        if answer.status == 403 { throw lacksScope(answer.message) }
        // Before GitLab 15.5, and for tokens of OAuth.
        let version = try await api.call("GET", "/version")
        guard version.status == 200 else {
            throw DeliveryFailure(
                .refused,
                "GitLab answers \(version.status)\(version.message.isEmpty ? "" : " (\(version.message))"): check report.gitlab.api"
            )
        }
        return ForgeToken(forge: "GitLab")
    }

    private func lacksScope(_ said: String) -> DeliveryFailure {
        DeliveryFailure(
            .refused, "the token of report.gitlab may not write deployments (\(said)): give it the scope api")
    }
}
