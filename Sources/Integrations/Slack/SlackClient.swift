import Foundation
import HTTPTransport
import ReleaseMachine
import ViridianConfiguration

/// Slack's Web API: https://docs.slack.dev/reference/methods. Calls keep to the rate that Slack allows, and no error contains a token.
///
/// All calls throw `DeliveryFailure` or `CancellationError`, `post` and `update` also `SlackError`.
package struct SlackClient: Sendable {
    private let api: SlackConnection
    private let token: Secret
    private let appToken: Secret?
    private let pace: SlackPace
    /// The servers that may be answered to, by the beginning of their URL.
    private let responders: [String: SlackConnection]

    /// `environment` has the proxies' variables; `deadline` is for each call. Calls are paced by a clock that
    /// nobody sets, or by `now` and `sleep`.
    /// - Throws: `TransportError` for an invalid URL, `ProxyError` for an invalid proxy.
    package init(
        _ configuration: SlackConfiguration, environment: [String: String] = [:], deadline: Duration = .seconds(15),
        now: (@Sendable () -> Duration)? = nil,
        sleep: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }
    ) throws {
        let secrets = [configuration.token, configuration.appToken, configuration.signingSecret].compactMap(\.self)
        let failures = SlackFailures(channel: configuration.channel)
        let connect = { (url: String) in
            try SlackConnection(url, secrets: secrets, failures: failures, environment: environment, deadline: deadline)
        }
        api = try connect(configuration.api.absoluteString)
        token = configuration.token
        appToken = configuration.appToken
        let start = ContinuousClock.now
        pace = SlackPace(now: now ?? { start.duration(to: .now) }, sleep: sleep)
        var responders: [String: SlackConnection] = [:]
        for origin in Self.responders(of: configuration.api) { responders[origin] = try connect(origin) }
        self.responders = responders
    }

    package func shutdown() async {
        await api.shutdown()
        for responder in responders.values { await responder.shutdown() }
    }

    // MARK: - Messages

    /// Posts a message, or a reply in a thread, which `isBroadcast` shows in the channel too.
    ///
    /// With a `key`, Slack takes the message once: a repeated call gets the message that the first one made. Slack's pages name this
    /// `client_msg_id` only in the errors of chat.postMessage.
    package func post(
        _ content: SlackContent, to channel: String, thread: String? = nil, isBroadcast: Bool = false, key: UUID? = nil
    ) async throws -> SlackMessageID {
        try await send(content, to: channel, thread: thread, isBroadcast: isBroadcast, key: key).id
    }

    /// Posts a message once, as `post` does with a key.
    /// - Returns: its id, and whether it certainly shows this content: the message may be the one that an earlier call made.
    package func postOnce(_ content: SlackContent, to channel: String, key: UUID) async throws -> (
        id: SlackMessageID, isAsSent: Bool
    ) {
        let posted = try await send(content, to: channel, key: key)
        return (posted.id, content.isMade(of: posted.blocks))
    }

    private func send(
        _ content: SlackContent, to channel: String, thread: String? = nil, isBroadcast: Bool = false, key: UUID?
    ) async throws -> (id: SlackMessageID, blocks: [String]) {
        var message = PostedMessage(
            channel: channel, text: content.text,
            blocks: content.blocks == nil ? nil : EncodedSlackBlocks(content: content), thread: thread,
            isBroadcast: thread == nil || !isBroadcast ? nil : true, key: key?.uuidString.lowercased())
        do {
            return try await send(message)
        } catch SlackError.duplicateNotFound {
            // The message that the first call made was deleted.
            message.key = nil
            return try await send(message)
        }
    }

    private func send(_ message: PostedMessage) async throws -> (id: SlackMessageID, blocks: [String]) {
        let answer = try await paced(.post) { try await api.call("chat.postMessage", json: message, token) }
        let posted = try api.decode(PostAnswer.self, answer, "chat.postMessage")
        let blocks = posted.message?.blocks?.compactMap(\.blockID) ?? []
        return (SlackMessageID(channel: posted.channel, timestamp: posted.ts), blocks)
    }

    /// Edits a message of the bot.
    package func update(_ message: SlackMessageID, _ content: SlackContent) async throws {
        let edited = EditedMessage(
            channel: message.channel, ts: message.timestamp, text: content.text,
            blocks: EncodedSlackBlocks(content: content))
        _ = try await paced(.update) { try await api.call("chat.update", json: edited, token) }
    }

    private func paced<Value>(_ method: SlackPace.Method, _ call: () async throws -> Value) async throws -> Value {
        try await pace.turn(method)
        do {
            return try await call()
        } catch let failure as DeliveryFailure {
            if case .limited(let after) = failure.kind { await pace.refuse(method, for: after) }
            throw failure
        }
    }

    // MARK: - People and places

    /// Where the bot's token belongs (auth.test).
    package func workspace() async throws -> SlackWorkspace {
        struct Identity: Decodable {
            var teamID: String
            var team: String?
            var url: String?
            var userID: String
            var user: String?

            private enum CodingKeys: String, CodingKey {
                case team, url, user
                case teamID = "team_id"
                case userID = "user_id"
            }
        }
        let answer = try await api.call("auth.test", form: [], token)
        let identity = try api.decode(Identity.self, answer, "auth.test")
        return SlackWorkspace(
            team: identity.teamID, teamName: identity.team ?? identity.teamID, url: identity.url ?? "",
            botUser: identity.userID, botName: identity.user,
            scopes: answer.headers["X-OAuth-Scopes"]?.split(separator: ",")
                .map { $0.trimmingCharacters(in: .whitespaces) })
    }

    /// The e-mail address by which a member of the workspace is known (users.info). `nil` for somebody who has none that the app may see, and for
    /// whoever is no full member: a guest, a bot, a deactivated account, or a person of another workspace.
    package func email(of user: String) async throws -> String? {
        struct Info: Decodable {
            struct User: Decodable {
                struct Profile: Decodable { var email: String? }

                var profile: Profile?
                var isDeactivated: Bool?
                var isBot: Bool?
                var isGuest: Bool?
                var isGuestOfOneChannel: Bool?
                var isStranger: Bool?
                var isConfirmed: Bool?

                private enum CodingKeys: String, CodingKey {
                    case profile
                    case isDeactivated = "deleted"
                    case isBot = "is_bot"
                    case isGuest = "is_restricted"
                    case isGuestOfOneChannel = "is_ultra_restricted"
                    case isStranger = "is_stranger"
                    case isConfirmed = "is_email_confirmed"
                }

                var isMember: Bool {
                    ![isDeactivated, isBot, isGuest, isGuestOfOneChannel, isStranger].contains(true)
                        && isConfirmed != false
                }
            }

            var user: User
        }
        let answer = try await api.call("users.info", form: [("user", user)], token)
        let found = try api.decode(Info.self, answer, "users.info").user
        return found.isMember ? found.profile?.email : nil
    }

    // MARK: - Socket Mode

    /// Opens a connection of Socket Mode (apps.connections.open).
    /// - Returns: its URL, `wss://…`, which is good for one connection and is itself a secret.
    package func openConnection() async throws -> String {
        guard let appToken else {
            throw DeliveryFailure(.refused, "Socket Mode needs slack.appToken")
        }
        struct Opened: Decodable { var url: String }
        let answer = try await api.call("apps.connections.open", form: [], appToken)
        return try api.decode(Opened.self, answer, "apps.connections.open").url
    }

    // MARK: - Answers

    /// Answers a request from a person, so that only they see it: five times at most, within half an hour.
    package func respond(_ content: SlackContent, to responseURL: String) async throws {
        guard let origin = URL(string: responseURL)?.origin, let responder = responders[origin] else {
            throw DeliveryFailure(.refused, "the request's response_url is not Slack's: nothing was sent there")
        }
        let answer = InteractionAnswer(
            text: content.text, blocks: content.blocks == nil ? nil : EncodedSlackBlocks(content: content))
        try await responder.respond(String(responseURL.dropFirst(origin.count)), answer)
    }

    /// `https://hooks.slack.com` for `https://slack.com/api`, and the API's own server.
    private static func responders(of api: URL) -> [String] {
        guard let origin = api.origin else { return [] }
        guard api.scheme == "https", let host = api.host else { return [origin] }
        return [origin, "https://hooks.\(host)"]
    }
}

extension URL {
    /// `https://hooks.slack.com`, with a port where the URL has one.
    fileprivate var origin: String? {
        guard let scheme, let host, !host.isEmpty, user == nil, password == nil else { return nil }
        return "\(scheme)://\(host)\(port.map { ":\($0)" } ?? "")"
    }
}
