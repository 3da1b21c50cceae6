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
    private let posts: SlackPace
    private let updates: SlackPace
    /// The servers that may be answered to, by the beginning of their URL.
    private let responders: [String: SlackConnection]

    /// `environment` has the proxies' variables; calls are paced by the clock `now` and `sleep`.
    /// - Throws: `TransportError` for an invalid URL, `ProxyError` for an invalid proxy.
    package init(
        _ configuration: SlackConfiguration, environment: [String: String] = [:],
        now: @escaping @Sendable () -> Timestamp = {
            Timestamp(milliseconds: Int64(Date().timeIntervalSince1970 * 1000))
        },
        sleep: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }
    ) throws {
        let secrets = [configuration.token, configuration.appToken, configuration.signingSecret].compactMap(\.self)
        let failures = SlackFailures(channel: configuration.channel)
        let connect = { (url: String) in
            try SlackConnection(url, secrets: secrets, failures: failures, environment: environment)
        }
        api = try connect(configuration.api.absoluteString)
        token = configuration.token
        appToken = configuration.appToken
        posts = SlackPace(.posts, now: now, sleep: sleep)
        updates = SlackPace(.updates, now: now, sleep: sleep)
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
    package func post(_ content: SlackContent, to channel: String, thread: String? = nil, isBroadcast: Bool = false)
        async throws -> SlackMessageID
    {
        try await posts.turn()
        let message = PostedMessage(
            channel: channel, text: content.text,
            blocks: content.blocks == nil ? nil : EncodedSlackBlocks(content: content),
            thread: thread, isBroadcast: thread == nil || !isBroadcast ? nil : true)
        let answer = try await resting(posts) { try await api.call("chat.postMessage", json: message, token) }
        struct Posted: Decodable {
            var channel: String
            var ts: String
        }
        let posted = try api.decode(Posted.self, answer, "chat.postMessage")
        return SlackMessageID(channel: posted.channel, timestamp: posted.ts)
    }

    /// Edits a message of the bot.
    package func update(_ message: SlackMessageID, _ content: SlackContent) async throws {
        try await updates.turn()
        let edited = EditedMessage(
            channel: message.channel, ts: message.timestamp, text: content.text,
            blocks: EncodedSlackBlocks(content: content))
        _ = try await resting(updates) { try await api.call("chat.update", json: edited, token) }
    }

    private func resting<Value>(_ pace: SlackPace, _ call: () async throws -> Value) async throws -> Value {
        do {
            return try await call()
        } catch let failure as DeliveryFailure {
            if case .unavailable(let after?) = failure.kind { await pace.rest(after) }
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

            private enum CodingKeys: String, CodingKey {
                case team, url
                case teamID = "team_id"
                case userID = "user_id"
            }
        }
        let answer = try await api.call("auth.test", form: [], token)
        let identity = try api.decode(Identity.self, answer, "auth.test")
        return SlackWorkspace(
            team: identity.teamID, teamName: identity.team ?? identity.teamID, url: identity.url ?? "",
            botUser: identity.userID,
            scopes: answer.headers["X-OAuth-Scopes"]?.split(separator: ",")
                .map { $0.trimmingCharacters(in: .whitespaces) })
    }

    /// The e-mail address of a person (users.info); `nil` where they have none that the app may see.
    package func email(of user: String) async throws -> String? {
        struct Info: Decodable {
            struct User: Decodable {
                struct Profile: Decodable { var email: String? }

                var profile: Profile?
            }

            var user: User
        }
        let answer = try await api.call("users.info", form: [("user", user)], token)
        return try api.decode(Info.self, answer, "users.info").user.profile?.email
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
    package func respond(_ content: SlackContent, to responseURL: String, isReplacingOriginal: Bool = false)
        async throws
    {
        guard let origin = URL(string: responseURL)?.origin, let responder = responders[origin] else {
            throw DeliveryFailure(.refused, "the request's response_url is not Slack's: nothing was sent there")
        }
        let answer = Response(
            text: content.text, blocks: content.blocks == nil ? nil : EncodedSlackBlocks(content: content),
            isReplacingOriginal: isReplacingOriginal)
        try await responder.respond(String(responseURL.dropFirst(origin.count)), answer)
    }

    /// `https://hooks.slack.com` for `https://slack.com/api`, and the API's own server.
    private static func responders(of api: URL) -> [String] {
        guard let origin = api.origin else { return [] }
        guard api.scheme == "https", let host = api.host else { return [origin] }
        return [origin, "https://hooks.\(host)"]
    }
}

private struct PostedMessage: Encodable {
    var channel: String
    var text: String
    var blocks: EncodedSlackBlocks?
    var thread: String?
    var isBroadcast: Bool?
    /// Previews of the linked pages would hide the message.
    var unfurlsLinks = false
    var unfurlsMedia = false

    private enum CodingKeys: String, CodingKey {
        case channel, text, blocks
        case thread = "thread_ts"
        case isBroadcast = "reply_broadcast"
        case unfurlsLinks = "unfurl_links"
        case unfurlsMedia = "unfurl_media"
    }
}

private struct EditedMessage: Encodable {
    var channel: String
    var ts: String
    var text: String
    /// Empty removes those that the message had.
    var blocks: EncodedSlackBlocks
}

private struct Response: Encodable {
    var type = "ephemeral"
    var text: String
    var blocks: EncodedSlackBlocks?
    var isReplacingOriginal: Bool

    private enum CodingKeys: String, CodingKey {
        case text, blocks
        case type = "response_type"
        case isReplacingOriginal = "replace_original"
    }
}

extension URL {
    /// `https://hooks.slack.com`, with a port where the URL has one.
    fileprivate var origin: String? {
        guard let scheme, let host, !host.isEmpty, user == nil, password == nil else { return nil }
        return "\(scheme)://\(host)\(port.map { ":\($0)" } ?? "")"
    }
}
