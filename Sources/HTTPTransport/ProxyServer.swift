import AsyncHTTPClient
import Foundation

/// A server that connects to others on this program's behalf.
package struct ProxyServer: Sendable, Hashable {
    package enum Kind: Sendable, Hashable {
        /// HTTP, asked with CONNECT whatever the scheme behind it is.
        case http
        case socks5
    }

    package var kind: Kind
    package var host: String
    package var port: Int
    /// What named it: `HTTPS_PROXY`, `proxy-url`.
    package var origin: String
    private var user: String?
    private var password: String?

    /// - Parameters:
    ///   - text: a URL, or `host[:port]`, which means http.
    ///   - origin: what named it, for messages.
    /// - Throws: for text that names no proxy, and for a kind that is not supported.
    package init(_ text: String, origin: String) throws(ProxyError) {
        guard let parts = Self.parts(of: text), let host = parts.host, !host.isEmpty else {
            // The text may hold a password.
            throw ProxyError("\(origin) is not the URL of a proxy: http://host:port is expected")
        }
        switch parts.scheme?.lowercased() {
        case "http": (kind, port) = (.http, parts.port ?? 80)
        case "socks5", "socks5h": (kind, port) = (.socks5, parts.port ?? 1080)
        case let scheme:
            throw ProxyError(
                "\(origin) names a proxy by \(scheme ?? "?")://, which is not supported; use http:// or socks5://")
        }
        guard (1...65535).contains(port) else { throw ProxyError("\(origin) names no port of a proxy") }
        self.host = host.trimmingCharacters(in: ["[", "]"])
        self.origin = origin
        user = parts.user
        password = parts.password
        guard kind == .http || user == nil else {
            throw ProxyError("\(origin) has a user for a SOCKS proxy, which is not supported")
        }
    }

    /// As Go reads it: text that is no URL with a host gets `http://`.
    private static func parts(of text: String) -> URLComponents? {
        if text.contains("://") { return URLComponents(string: text) }
        return URLComponents(string: "http://" + text)
    }

    /// `host:port`, without user and password.
    var address: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

    var configuration: HTTPClient.Configuration.Proxy {
        switch kind {
        case .socks5: .socksServer(host: host, port: port)
        case .http:
            .server(
                host: host, port: port,
                authorization: user.map { .basic(username: $0, password: password ?? "") })
        }
    }
}

/// A password must not reach a log through string interpolation.
extension ProxyServer: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    package var description: String { "the proxy \(address) (\(origin))" }
    package var debugDescription: String { description }
    package var customMirror: Mirror { Mirror(self, children: []) }
}

/// A proxy is named that cannot be used.
package struct ProxyError: Error, Sendable, Hashable, CustomStringConvertible {
    package var description: String

    init(_ description: String) { self.description = description }
}
