/// The origin of a URL (RFC 6454): scheme, host and port. A default port equals none.
struct WebOrigin: Hashable {
    let scheme: String
    let host: String
    let port: Int?

    private static let defaultPorts = ["http": 80, "https": 443]

    /// `nil` when the text is no origin, `null` for example.
    init?(_ text: String) {
        guard let end = text.firstRange(of: "://") else { return nil }
        scheme = text[..<end.lowerBound].lowercased()
        let authority = text[end.upperBound...].prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        guard !authority.isEmpty, !authority.contains("@") else { return nil }
        // A colon within brackets belongs to an IPv6 address.
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
