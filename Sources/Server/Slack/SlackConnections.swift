import Controller
import Crypto
import Foundation
import Integrations
import Journal
import ReleaseMachine

/// Connections of people in Slack to access tokens: a one-time link, which they open where they are signed in.
struct SlackConnections: Sendable {
    /// How long a link is good.
    static let lifetime = Duration.seconds(1800)

    let journal: Journal
    let clock: any ReleaseClock

    /// Makes a link for a person, in place of earlier ones.
    /// - Returns: its code, which is not stored.
    func link(_ person: SlackPerson, team: String) async throws(JournalError) -> String {
        let code = randomText()
        let link = SlackLink(team: team, user: person.id, name: person.name.safeLine.cut(100), at: clock.now)
        try await journal.add(link, hash: Self.hash(code))
        return code
    }

    /// Whom a link connects; `nil` for one that was used, has expired, or was replaced.
    func link(_ code: String) async throws(JournalError) -> SlackLink? {
        try await journal.slackLink(hash: Self.hash(code), since: clock.now + (.zero - Self.lifetime))
    }

    /// Uses a link up: its person has the rights of the user's token from now on.
    func connect(_ code: String, to identity: Identity, origin: String) async throws(JournalError) -> SlackLink? {
        guard let token = identity.tokenID else { return nil }
        let now = clock.now
        return try await journal.connectSlackUser(
            link: Self.hash(code), since: now + (.zero - Self.lifetime), token: token, at: now
        ) { link in
            AuditEntry(
                at: now, who: identity.name, token: token, action: "slack.connect", origin: origin,
                detail: "Slack \(link.user), \(link.name), of the workspace \(link.team)")
        }
    }

    private static func hash(_ code: String) -> [UInt8] { Array(SHA256.hash(data: Data(code.utf8))) }
}
