import Crypto
import Foundation

/// The digest of a body: `sha256:` and 64 hexadecimal digits.
enum ContentDigest {
    static func sha256(_ body: Data) -> String { "sha256:" + hex(SHA256.hash(data: body)) }

    /// Whether the body has this digest; `false` also for an algorithm that registries do not use.
    static func matches(_ digest: String, _ body: Data) -> Bool {
        switch digest.prefix(while: { $0 != ":" }) {
        case "sha256": digest == sha256(body)
        case "sha384": digest == "sha384:" + hex(SHA384.hash(data: body))
        case "sha512": digest == "sha512:" + hex(SHA512.hash(data: body))
        default: false
        }
    }

    private static func hex(_ bytes: some Sequence<UInt8>) -> String {
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }
}
