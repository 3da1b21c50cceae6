import Crypto
import ViridianConfiguration

/// The signature of a body by HMAC-SHA256 in hexadecimal digits, as GitHub, Gitea and Forgejo make it.
///
/// <https://docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries>
package struct HMACSignature: Sendable {
    private let key: SymmetricKey

    /// `nil` for an empty secret, with which anybody can sign.
    package init?(_ secret: Secret) {
        guard !secret.value.isEmpty else { return nil }
        key = SymmetricKey(data: Array(secret.value.utf8))
    }

    /// 64 lower-case hexadecimal digits.
    package func sign(_ body: [UInt8]) -> String {
        HMAC<SHA256>.authenticationCode(for: body, using: key).hex
    }

    /// Whether these are the digits of the body's signature, in lower case as every sender writes them. In constant time.
    package func verifies(_ digits: String, of body: [UInt8]) -> Bool {
        firstMismatch(in: [digits], of: body) == nil
    }

    /// The index of the first that is not the body's signature; `nil`: all are. The signature is computed at most once.
    package func firstMismatch(in signatures: [String], of body: [UInt8]) -> Int? {
        var given: [[UInt8]] = []
        for (index, digits) in signatures.enumerated() {
            guard let bytes = [UInt8](lowerCaseHex: digits) else { return index }
            given.append(bytes)
        }
        let code = HMAC<SHA256>.authenticationCode(for: body, using: key)
        return given.firstIndex { !(code == $0) }
    }
}

extension Sequence<UInt8> {
    /// Two lower-case digits a byte.
    var hex: String {
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 0xF)]] }, as: UTF8.self)
    }
}

extension [UInt8] {
    /// The bytes of a signature's 64 digits.
    fileprivate init?(lowerCaseHex text: String) {
        guard text.utf8.count == 2 * SHA256.byteCount else { return nil }
        let digits = text.utf8.map { byte -> UInt8? in
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
            default: nil
            }
        }
        self = []
        for index in stride(from: 0, to: digits.count, by: 2) {
            guard let high = digits[index], let low = digits[index + 1] else { return nil }
            append(high << 4 | low)
        }
    }
}
