import Glibc

/// The grammars of names, with the documents that define them.
enum Grammar {
    /// RFC 1123: lower-case letters, digits and `-`, not beginning or ending with `-`.
    static func isDNSLabel(_ text: some StringProtocol, atMost length: Int = 63) -> Bool {
        let bytes = Array(text.utf8)
        guard let first = bytes.first, let last = bytes.last, bytes.count <= length else { return false }
        return first != dash && last != dash && bytes.allSatisfy { isLower($0) || isDigit($0) || $0 == dash }
    }

    /// Labels separated by dots, in any case, at most 253 characters.
    static func isDNSName(_ text: some StringProtocol) -> Bool {
        text.utf8.count <= 253
            && text.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { isDNSLabel($0.lowercased()) }
    }

    static func isIPv4(_ text: String) -> Bool {
        var address = in_addr()
        return inet_pton(AF_INET, text, &address) == 1
    }

    static func isIPv6(_ text: String) -> Bool {
        var address = in6_addr()
        return inet_pton(AF_INET6, text, &address) == 1
    }

    /// An address, or a network in CIDR notation (RFC 4632) whose address has no bits beside the prefix.
    static func isNetwork(_ text: String) -> Bool {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard let bytes = addressBytes(parts[0]) else { return false }
        guard parts.count == 2 else { return parts.count == 1 }
        guard let length = Int(decimal: parts[1]), (0...bytes.count * 8).contains(length) else { return false }
        return bytes.indices.allSatisfy { bytes[$0] << max(0, min(8, length - $0 * 8)) == 0 }
    }

    private static func addressBytes(_ text: String) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: 16)
        if inet_pton(AF_INET, text, &bytes) == 1 { return Array(bytes.prefix(4)) }
        return inet_pton(AF_INET6, text, &bytes) == 1 ? bytes : nil
    }

    /// A host for ssh: an address, a DNS name or an alias of its configuration, but never an option.
    static func isNodeAddress(_ text: String) -> Bool {
        if isIPv6(text) { return true }
        // Digits and dots must be a valid address.
        if text.utf8.contains(dot), text.utf8.allSatisfy({ $0 == dot || isDigit($0) }) { return isIPv4(text) }
        guard let first = text.utf8.first, isAlphanumeric(first), text.utf8.count <= 253 else { return false }
        return text.utf8.allSatisfy { isAlphanumeric($0) || $0 == dash || $0 == dot || $0 == underscore }
    }

    /// The tag of an image: OCI distribution specification 1.1, `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}`.
    static func isTag(_ text: some StringProtocol) -> Bool {
        guard let first = text.utf8.first, text.utf8.count <= 128 else { return false }
        return (isAlphanumeric(first) || first == underscore)
            && text.utf8.allSatisfy { isAlphanumeric($0) || $0 == underscore || $0 == dot || $0 == dash }
    }

    /// The name of an nginx upstream, of characters that need no quoting in its configuration.
    static func isUpstreamName(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.count <= 128
            && text.utf8.allSatisfy { isAlphanumeric($0) || $0 == underscore || $0 == dot || $0 == dash }
    }

    /// A POSIX user name (3.437: portable file name characters, no leading `-`).
    static func isUserName(_ text: String) -> Bool {
        guard let first = text.utf8.first, first != dash, text.utf8.count <= 64 else { return false }
        return text.utf8.allSatisfy { isAlphanumeric($0) || $0 == underscore || $0 == dot || $0 == dash }
    }

    /// The name of an environment variable.
    static func isVariableName(_ text: some StringProtocol) -> Bool {
        guard let first = text.utf8.first, !isDigit(first) else { return false }
        return text.utf8.allSatisfy { isAlphanumeric($0) || $0 == underscore }
    }

    /// Without control characters such as line breaks.
    static func isOneLine(_ text: String) -> Bool {
        !text.unicodeScalars.contains { $0.properties.generalCategory == .control }
    }

    static func isLower(_ byte: UInt8) -> Bool { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) }
    static func isUpper(_ byte: UInt8) -> Bool { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) }
    static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
    static func isAlphanumeric(_ byte: UInt8) -> Bool { isLower(byte) || isUpper(byte) || isDigit(byte) }

    private static let dash = UInt8(ascii: "-")
    private static let dot = UInt8(ascii: ".")
    private static let underscore = UInt8(ascii: "_")
}
