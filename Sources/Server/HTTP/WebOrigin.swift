/// Scheme, host and port of a web address (RFC 6454): what tells one site from another. A default port is the same as none.
struct WebOrigin: Hashable {
    let scheme: String
    let host: String
    let port: Int?

    private static let defaultPorts = ["http": 80, "https": 443]

    /// - Returns: `nil` for what is none, `null` among it.
    init?(_ text: String) {
        guard let end = text.firstRange(of: "://") else { return nil }
        scheme = text[..<end.lowerBound].lowercased()
        let authority = text[end.upperBound...].prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        guard !authority.isEmpty, !authority.contains("@") else { return nil }
        // A colon inside of brackets belongs to an IPv6 address.
        let isBare = authority.hasSuffix("]")
        let colon = isBare ? nil : authority.lastIndex(of: ":")
        host = authority[..<(colon ?? authority.endIndex)].lowercased()
        guard let colon else {
            port = WebOrigin.defaultPorts[scheme]
            return
        }
        guard let number = Int(authority[authority.index(after: colon)...]), (1...65_535).contains(number) else {
            return nil
        }
        port = number
    }
}
