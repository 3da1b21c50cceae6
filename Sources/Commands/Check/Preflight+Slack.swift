import Controller
import Foundation
import Integrations
import ViridianConfiguration

/// Checks what Slack says of the tokens. No message is posted: `notify test slack` does that.
struct SlackChecks {
    let slack: SlackConfiguration
    /// The server's URL.
    let server: URL?
    let client: SlackClient

    /// What is missing keeps messages from Slack, not a release from going on.
    func findings() async -> [Finding] {
        let workspace: SlackWorkspace
        do {
            workspace = try await client.workspace()
        } catch {
            return [finding(.warning, "\(error)", nil)] + (await requests())
        }
        let name = workspace.url.isEmpty ? workspace.teamName : "\(workspace.teamName) (\(workspace.url))"
        let bot = workspace.botName.map { "as \($0) " } ?? ""
        var findings = [finding(.ok, "the token posts \(bot)in the workspace \(name)", nil)]
        if let scopes = workspace.scopes { findings += self.scopes(Set(scopes)) }
        return findings + (await requests())
    }

    private func finding(_ state: Finding.State, _ what: String, _ fix: String?) -> Finding {
        Finding(state: state, what: "slack: \(what)", fix: fix)
    }

    // MARK: - What the app may do

    private func scopes(_ granted: Set<String>) -> [Finding] {
        let again = "in the app's settings, and install it again (viridian render slack-manifest has them all)"
        func isMissing(_ scopes: String...) -> String? {
            let missing = scopes.filter { !granted.contains($0) }
            return missing.isEmpty ? nil : missing.joined(separator: ", ")
        }
        var findings: [Finding] = []
        if let missing = isMissing("chat:write") {
            findings.append(
                finding(.warning, "the app may not post messages: the scope \(missing) is missing", "add it \(again)"))
        }
        if let missing = isMissing("chat:write.public") {
            findings.append(
                finding(
                    .warning,
                    "the app may post only in channels that it is a member of: the scope \(missing) is missing",
                    "invite it to \(slack.channel), or add the scope \(again)"))
        }
        if slack.takesRequests, let missing = isMissing("commands") {
            findings.append(
                finding(
                    .warning, "the app has no \(slack.command): the scope \(missing) is missing", "add it \(again)"))
        }
        let hasEmails = slack.users.contains { if case .email = $0.identification { true } else { false } }
        if hasEmails, let missing = isMissing("users:read", "users:read.email") {
            findings.append(
                finding(
                    .warning,
                    "slack.users names people by e-mail, which the app may not read: the scope \(missing) is missing",
                    "add it \(again), or name them by their ids"))
        }
        return findings.isEmpty
            ? [
                finding(
                    .ok, "the app has the scopes that it needs; viridian notify test slack posts in \(slack.channel)",
                    nil)
            ]
            : findings
    }

    // MARK: - How people's requests arrive

    private func requests() async -> [Finding] {
        var findings: [Finding] = []
        if slack.appToken != nil {
            do {
                _ = try await client.openConnection()
                findings.append(finding(.ok, "Socket Mode: Slack accepts the app token", nil))
            } catch {
                findings.append(finding(.warning, "Socket Mode: \(error)", nil))
            }
        }
        if slack.signingSecret != nil, slack.appToken == nil, server?.scheme?.lowercased() != "https" {
            findings.append(
                finding(
                    .warning,
                    "Slack can only call servers with an https:// address, and server.url is "
                        + (server?.absoluteString ?? "not set"),
                    "set server.url, or use Socket Mode with slack.appToken"))
        }
        if !slack.takesRequests {
            findings.append(
                finding(
                    .warning,
                    "messages have no buttons, and \(slack.command) does not work: no request from Slack arrives",
                    "set slack.signingSecret, or slack.appToken for Socket Mode"))
        }
        return findings
    }
}
