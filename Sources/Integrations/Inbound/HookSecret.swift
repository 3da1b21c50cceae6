import Crypto
import ViridianConfiguration

/// Comparison with a configured secret, in a time that says nothing about the secret's content.
enum HookSecret {
    /// Whether the text is the secret, or one of the secret's forms such as `Bearer SECRET`. An empty secret is never matched.
    static func matches(_ text: String, _ secret: Secret, prefixes: [String] = [""]) -> Bool {
        guard !secret.value.isEmpty else { return false }
        let given = SHA256.hash(data: Array(text.utf8))
        var matches = false
        for prefix in prefixes {
            // Digests are compared in constant time.
            let equal = given == SHA256.hash(data: Array((prefix + secret.value).utf8))
            matches = matches || equal
        }
        return matches
    }
}

extension HookVerdict {
    /// No secret is configured under the key, such as `hooks.github`.
    static func unconfigured(_ key: String) -> HookVerdict {
        .refused("\(key) has no secret in the configuration: this hook is off")
    }

    static func missing(_ header: String) -> HookVerdict {
        .refused("the header \(header) is missing: is the secret set at the sender?")
    }

    static func mismatch(_ what: String, _ key: String) -> HookVerdict {
        .refused("\(what) does not match the secret of \(key)")
    }
}
