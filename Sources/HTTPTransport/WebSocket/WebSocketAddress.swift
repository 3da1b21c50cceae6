import Foundation

/// The parts of a ws or wss URL.
struct WebSocketAddress: Sendable {
    /// wss.
    let isSecure: Bool
    /// A DNS name or an IP address without brackets.
    let host: String
    let port: Int
    /// Path and query, percent-encoded.
    let target: String

    /// - Throws: `TransportError`. The URL may contain a password of one use (Slack's does), so no error repeats it.
    init(_ url: String) throws(TransportError) {
        func invalid(_ detail: String) -> TransportError { TransportError(.invalidRequest(detail), server: "?") }
        guard let parts = URLComponents(string: url), let scheme = parts.scheme?.lowercased(),
            ["ws", "wss"].contains(scheme), let host = parts.host, !host.isEmpty
        else { throw invalid("its address is not a ws or wss URL") }
        guard parts.user == nil, parts.password == nil, parts.fragment == nil else {
            throw invalid("its address has a user or a fragment, which a WebSocket's cannot have")
        }
        isSecure = scheme == "wss"
        self.host = host.trimmingCharacters(in: ["[", "]"])
        port = parts.port ?? (isSecure ? 443 : 80)
        guard (1...65535).contains(port) else { throw invalid("its port is not between 1 and 65535") }
        let path = parts.percentEncodedPath.isEmpty ? "/" : parts.percentEncodedPath
        target = path + (parts.percentEncodedQuery.map { "?" + $0 } ?? "")
    }

    private var shownHost: String { host.contains(":") ? "[\(host)]" : host }
    /// `host:port`
    var server: String { "\(shownHost):\(port)" }
    /// The `Host` header, which has no default port.
    var authority: String { port == (isSecure ? 443 : 80) ? shownHost : server }
}
