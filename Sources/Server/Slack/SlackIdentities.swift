import Controller
import Crypto
import Foundation
import Integrations
import Journal
import NIOConcurrencyHelpers
import ReleaseMachine
import ViridianConfiguration

/// Who a person in Slack is here, and with which rights: by `slack.users`, by id or by e-mail, or by the access token that they have connected.
/// Being in a channel gives no rights.
actor SlackIdentities {
    enum Verdict: Sendable, Hashable {
        case known(Identity)
        case unknown
        /// The person, or the whole request, belongs to another workspace than the app.
        case otherWorkspace
        /// Slack does not say who it is: why, in one clause.
        case unavailable(String)
    }

    private let slack: SlackAccess
    private let journal: Journal
    private let clock: any ReleaseClock
    /// The workspace of the bot's token, once it is known.
    private var team: String?
    /// The token's hash, by which the journal has its workspace: a bot's token belongs to one, for ever.
    private let tokenHash: [UInt8]
    private var emails: [String: (email: String?, until: Timestamp)] = [:]

    /// How long an address counts that Slack has answered.
    private static let emailTime = Duration.seconds(300)
    /// How long somebody who has none is not asked for again: soon enough for a person who has just been added.
    private static let noEmailTime = Duration.seconds(30)
    private static let mostEmails = 10_000

    private var users: [SlackConfiguration.User] { slack.configuration.users }

    init(_ slack: SlackAccess, journal: Journal, clock: any ReleaseClock) {
        self.slack = slack
        self.journal = journal
        self.clock = clock
        tokenHash = Array(SHA256.hash(data: Data(slack.configuration.token.value.utf8)))
    }

    /// Asks Slack for the workspace where it is not known, so that the first request does not have to wait for it.
    func prepare() async { _ = try? await workspace() }

    /// What is known without asking Slack; `nil`: it has to be asked.
    func known(_ request: SlackRequest) async throws -> Verdict? {
        guard let team = try await knownTeam() else { return nil }
        guard isOurs(request, team) else { return .otherWorkspace }
        if let identity = configured(request.user, .id(request.user.id)) { return .known(identity) }
        guard asksForEmails else { return try await connected(request) }
        guard let found = emails[request.user.id], found.until > clock.now else { return nil }
        return try await verdict(request, email: found.email)
    }

    /// - Throws: `JournalError` or `CancellationError`.
    func identify(_ request: SlackRequest) async throws -> Verdict {
        do {
            _ = try await workspace()
            if let known = try await known(request) { return known }
            let email = try await slack.client.email(of: request.user.id)?.lowercased()
            remember(email, of: request.user.id)
            return try await verdict(request, email: email)
        } catch let failure as DeliveryFailure {
            // Without Slack, what the journal says of a person counts; while the workspace is not known, only what the configuration says of
            // an id, of somebody in the workspace that the app's own request comes from: whoever is on call may have to abort now.
            guard team == nil else {
                if case .known(let identity) = try await connected(request) { return .known(identity) }
                return .unavailable(failure.description)
            }
            if isOurs(request, request.team), let identity = configured(request.user, .id(request.user.id)) {
                return .known(identity)
            }
            return .unavailable(failure.description)
        }
    }

    private var asksForEmails: Bool {
        users.contains { if case .email = $0.identification { true } else { false } }
    }

    private func workspace() async throws -> String {
        if let team = try await knownTeam() { return team }
        let found = try await slack.client.workspace().team
        team = found
        // For the next start, when Slack may be away. Nothing of now depends on it.
        try? await journal.note(workspace: found, ofSlackToken: tokenHash)
        return found
    }

    private func knownTeam() async throws(JournalError) -> String? {
        if team == nil { team = try await journal.workspace(ofSlackToken: tokenHash) }
        return team
    }

    private func isOurs(_ request: SlackRequest, _ team: String) -> Bool {
        request.team == team && request.user.team ?? team == team
    }

    private func verdict(_ request: SlackRequest, email: String?) async throws -> Verdict {
        if let email, let identity = configured(request.user, .email(email)) { return .known(identity) }
        return try await connected(request)
    }

    private func configured(_ person: SlackPerson, _ identification: SlackConfiguration.User.Identification)
        -> Identity?
    {
        guard let user = users.first(where: { $0.identification == identification }) else { return nil }
        return Identity(name: user.name, role: Role(user.role), apps: user.apps, alias: person.alias)
    }

    /// The rights of a token are those that it has now.
    private func connected(_ request: SlackRequest) async throws -> Verdict {
        guard let id = try await journal.token(ofSlackUser: request.user.id, team: request.team),
            let token = try await journal.token(id: id), token.isGood(at: clock.now)
        else { return .unknown }
        var identity = Identity(token)
        identity.alias = request.user.alias
        return .known(identity)
    }

    private func remember(_ email: String?, of user: String) {
        if emails.count >= Self.mostEmails { emails = emails.filter { $0.value.until > clock.now } }
        if emails.count >= Self.mostEmails { emails = [:] }
        emails[user] = (email, clock.now + (email == nil ? Self.noEmailTime : Self.emailTime))
    }
}

extension SlackPerson {
    /// In the audit log: `Slack U024BE7LH`.
    var alias: String { "Slack \(id)" }
}

extension Role {
    fileprivate init(_ role: SlackConfiguration.User.Role) {
        self =
            switch role {
            case .viewer: .viewer
            case .deployer: .deployer
            case .admin: .admin
            }
    }
}
