import Crypto
import ReleaseMachine
import ViridianConfiguration

/// Slack's signature of a request: `v0=` and the hexadecimal digits of HMAC-SHA256 over `v0:TIMESTAMP:BODY`.
///
/// The older `token` in the body is what it replaced, and is not read: it is the same in every request, and stands in whatever logs one.
/// <https://docs.slack.dev/authentication/verifying-requests-from-slack>
package struct SlackSignature: Sendable {
    /// How far Slack's clock may be away, in either direction.
    package static let tolerance = Duration.seconds(300)

    /// `nil` for an empty secret, with which anybody can sign.
    private let hmac: HMACSignature?

    package init(_ secret: Secret) {
        hmac = HMACSignature(secret)
    }

    /// Checks a body as it came. `timestamp` and `signature` are the headers `X-Slack-Request-Timestamp` and `X-Slack-Signature`.
    package func verify(
        _ body: [UInt8], timestamp: String?, signature: String?, at now: Timestamp
    ) -> HookVerdict {
        guard let hmac else { return .unconfigured("slack.signingSecret") }
        guard let timestamp else { return .missing("X-Slack-Request-Timestamp") }
        guard let signature else { return .missing("X-Slack-Signature") }
        guard let sent = Self.time(timestamp) else {
            return .refused("the header X-Slack-Request-Timestamp is not a number of seconds since 1970")
        }
        guard now - sent <= Self.tolerance, sent - now <= Self.tolerance else {
            return .refused(
                "it was signed more than \(Self.tolerance.components.seconds / 60) minutes before or after this machine's time; "
                    + "check this machine's clock")
        }
        guard signature.hasPrefix("v0="),
            hmac.verifies(String(signature.dropFirst(3)), of: Self.signed(body, timestamp))
        else { return .mismatch("the signature in X-Slack-Signature", "slack.signingSecret") }
        return .verified
    }

    /// The value of `X-Slack-Signature` for a body that is sent with this `X-Slack-Request-Timestamp`. An empty secret signs nothing.
    package func sign(_ body: [UInt8], timestamp: String) -> String {
        "v0=" + (hmac?.sign(Self.signed(body, timestamp)) ?? "")
    }

    private static func signed(_ body: [UInt8], _ timestamp: String) -> [UInt8] {
        Array("v0:\(timestamp):".utf8) + body
    }

    /// When Slack signed a request, as the header `X-Slack-Request-Timestamp` says; `nil` when it does not.
    package static func time(_ text: String) -> Timestamp? {
        guard (1...11).contains(text.utf8.count), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
            return nil
        }
        return Int64(text).map { Timestamp(milliseconds: $0 * 1000) }
    }
}
