import HTTPTransport

/// What an answer of Slack means, and what to do. The errors of a method are on its page: https://docs.slack.dev/reference/methods/chat.postMessage
///
/// What is wrong with the token or the channel stays wrong until somebody changes it, but then everything that waited goes out: it is tried
/// again and again, not given up.
struct SlackFailures: Sendable {
    /// As in the configuration.
    let channel: String

    /// `nil` for a success. `SlackError` or `DeliveryFailure`.
    func failure(_ answer: SlackAnswer, method: String) -> (any Error)? {
        let after = answer.headers.retryAfter.map { min($0, Self.longestWait) }
        if answer.status == 429 || ["ratelimited", "rate_limited"].contains(answer.error) {
            return DeliveryFailure(.limited(after: after ?? .seconds(30)), "Slack limits the rate of \(method)")
        }
        if answer.status >= 500 {
            return DeliveryFailure(.unavailable(after: after), "Slack answers \(answer.status)")
        }
        guard answer.isSlack, answer.status == 200 else {
            return DeliveryFailure(
                .unavailable(after: after),
                "slack.api answers \(answer.status) with something else than Slack's JSON: check slack.api, and what is between this server and Slack"
            )
        }
        guard let code = answer.error else { return nil }
        if Self.lost.contains(code) { return SlackError.messageNotFound(code) }
        if code.hasPrefix("duplicate_") { return SlackError.duplicateNotFound }
        if Self.content.contains(code) {
            return SlackError.contentRefused(code, detail: answer.details.joined(separator: "; "))
        }
        let isAppToken = Self.key(of: method) == "slack.appToken" && Self.tokens.contains(code)
        return DeliveryFailure(
            isAppToken ? .refused : .unavailable(after: after), sentence(code, answer, method: method))
    }

    /// A proxy between here and Slack may ask for a day.
    private static let longestWait = Duration.seconds(600)

    /// The key of the configuration with the token for a method.
    static func key(of method: String) -> String {
        method == "apps.connections.open" ? "slack.appToken" : "slack.token"
    }

    /// The message is gone, or belongs to another app: only a new one can say how the release stands.
    private static let lost: Set = [
        "message_not_found", "cant_update_message", "edit_window_closed", "is_inactive", "thread_not_found",
        "invalid_ts", "invalid_timestamp", "cannot_reply_to_message",
    ]

    private static let content: Set = [
        "invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long", "msg_too_long", "no_text",
        "invalid_arguments",
        "invalid_arg_name", "invalid_array_arg", "markdown_text_conflict", "block_mismatch", "invalid_json",
        "json_not_object", "invalid_charset", "invalid_post_type",
    ]

    private static let tokens: Set = [
        "not_authed", "invalid_auth", "token_revoked", "token_expired", "account_inactive", "not_allowed_token_type",
        "missing_scope",
    ]

    private func sentence(_ code: String, _ answer: SlackAnswer, method: String) -> String {
        switch code {
        case _ where Self.tokens.contains(code) && Self.key(of: method) == "slack.appToken":
            return
                "Slack does not accept the app's token (\(code)): put an app-level token, xapp-…, with the scope connections:write "
                + "into slack.appToken"
        case "missing_scope", "no_permission":
            let scopes = answer.needed.map { "the scope \($0)" } ?? "the scopes of `viridian render slack-manifest`"
            return "Slack does not allow \(method) to the token (\(code)): give the app \(scopes) and install it again"
        case _ where Self.tokens.contains(code):
            return "Slack does not accept the token (\(code)): put the app's bot token, xoxb-…, into slack.token"
        case "channel_not_found":
            return
                "Slack does not know the channel \(channel), or does not show it to the app (\(code)): correct slack.channel, "
                + "or invite the app to a private channel"
        case "not_in_channel":
            return "the app is not in \(channel) (\(code)): invite it there, or give it the scope chat:write.public"
        case "is_archived":
            return "\(channel) is archived (\(code)): unarchive it, or set slack.channel to another channel"
        case _ where code.hasPrefix("restricted_action"):
            return
                "the workspace does not let the app post in \(channel) (\(code)): allow it there, or set slack.channel to another channel"
        case "team_access_not_granted", "access_denied", "ekm_access_denied", "org_login_required",
            "enterprise_is_restricted",
            "two_factor_setup_required", "accesslimited":
            return "the workspace does not give the app access (\(code)): ask its administrators"
        default:
            return "Slack answers \(code.prefix(100)) to \(method)"
        }
    }
}
