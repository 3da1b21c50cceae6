import Crypto
import Foundation
import ReleaseMachine
import ViridianConfiguration

/// Signatures of Standard Webhooks, as GitLab sends them since 19.0: HMAC-SHA256 over `id.timestamp.body`, in base64.
///
/// <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>
package struct StandardWebhooks: Sendable {
    /// How far the sender's clock may be away, in either direction.
    package static let tolerance = Duration.seconds(300)
    /// How many signatures of a request are read: a secret that is being replaced makes two.
    package static let mostSignatures = 8

    /// The values of the headers `webhook-id`, `webhook-timestamp` and `webhook-signature`.
    package struct Headers: Sendable, Hashable {
        package var id: String
        /// Seconds since 1970.
        package var timestamp: String
        /// One or more of `v1,…`, separated by spaces: while a secret is being replaced there is one of the old and one of the new.
        package var signature: String

        package init(id: String, timestamp: String, signature: String) {
            self.id = id
            self.timestamp = timestamp
            self.signature = signature
        }
    }

    private let key: SymmetricKey

    /// The secret is `whsec_` and the key in base64; `nil` where it is no key, or an empty one.
    package init?(_ secret: Secret) {
        let text = secret.value.hasPrefix("whsec_") ? String(secret.value.dropFirst(6)) : secret.value
        guard let key = Data(base64Encoded: text), !key.isEmpty else { return nil }
        self.key = SymmetricKey(data: key)
    }

    package func sign(_ body: [UInt8], id: String, at time: Timestamp) -> Headers {
        let seconds = String(time.milliseconds / 1000)
        let code = Data(code(id, seconds, body))
        return Headers(id: id, timestamp: seconds, signature: "v1," + code.base64EncodedString())
    }

    /// Checks a body, in constant time. Its code is computed at most once, whatever the header has, and not for an old request.
    package func verify(_ body: [UInt8], _ headers: Headers, at now: Timestamp) -> HookVerdict {
        guard !headers.id.isEmpty else { return .refused("the header webhook-id is empty") }
        guard let sent = Self.time(headers.timestamp) else {
            return .refused("the header webhook-timestamp is not a number of seconds since 1970")
        }
        guard now - sent <= Self.tolerance, sent - now <= Self.tolerance else {
            return .refused(
                "it was signed more than \(Self.tolerance.components.seconds / 60) minutes before or after this machine's time; check both clocks"
            )
        }
        let signatures = headers.signature.split(separator: " ").lazy.filter { $0.hasPrefix("v1,") }
        let given = signatures.prefix(Self.mostSignatures).compactMap { Data(base64Encoded: String($0.dropFirst(3))) }
        var isSigned = false
        if !given.isEmpty {
            let code = code(headers.id, headers.timestamp, body)
            for signature in given where code == signature { isSigned = true }
        }
        return isSigned ? .verified : .refused("the signature in webhook-signature does not match")
    }

    private func code(_ id: String, _ timestamp: String, _ body: [UInt8]) -> HMAC<SHA256>.MAC {
        var hmac = HMAC<SHA256>(key: key)
        hmac.update(data: Array("\(id).\(timestamp).".utf8))
        hmac.update(data: body)
        return hmac.finalize()
    }

    private static func time(_ text: String) -> Timestamp? {
        guard (1...11).contains(text.utf8.count), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
            return nil
        }
        return Int64(text).map { Timestamp(milliseconds: $0 * 1000) }
    }
}
