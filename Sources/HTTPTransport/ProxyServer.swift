import AsyncHTTPClient
import Foundation

/// An HTTP or SOCKS5 proxy.
package struct ProxyServer: Sendable, Hashable {
    package enum Kind: Sendable, Hashable {
        /// An HTTP proxy. CONNECT is used for http and https URLs.
        case http
        case socks5
    }

    package var kind: Kind
    package var host: String
    package var port: Int
    /// The setting that named the proxy: `HTTPS_PROXY`, `proxy-url`.
    package var origin: String
    private var user: String?
    private var password: String?

    /// - Parameters:
    ///   - text: a URL, or `host[:port]` for an HTTP proxy.
    ///   - origin: the setting that named the proxy, for messages.
    /// - Throws: `ProxyError` for invalid text and for schemes that are not supported.
    package init(_ text: String, origin: String) throws(ProxyError) {
        guard let parts = Self.parts(of: text), let host = parts.host, !host.isEmpty else {
            // The text may hold a password.
            throw ProxyError("\(origin) is not the URL of a proxy; http://host:port is expected")
        }
        switch parts.scheme?.lowercased() {
        case "http": (kind, port) = (.http, parts.port ?? 80)
        case "socks5", "socks5h": (kind, port) = (.socks5, parts.port ?? 1080)
        case let scheme:
            throw ProxyError(
                "\(origin) names a proxy with \(scheme ?? "?")://, which is not supported; use http:// or socks5://")
        }
        guard (1...65535).contains(port) else {
            throw ProxyError("\(origin) names a port that is not between 1 and 65535")
        }
        self.host = host.trimmingCharacters(in: ["[", "]"])
        self.origin = origin
        user = parts.user
        password = parts.password
        guard kind == .http || user == nil else {
            throw ProxyError("\(origin) has a user for a SOCKS proxy, which is not supported")
        }
    }

    /// As in Go, text without a scheme gets `http://`.
    private static func parts(of text: String) -> URLComponents? {
        if text.contains("://") { return URLComponents(string: text) }
        return URLComponents(string: "http://" + text)
    }

    /// `host:port`, without user and password.
    var address: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

    /// The value of `Proxy-Authorization`.
    var basicAuthorization: String? {
        user.map { "Basic " + Data("\($0):\(password ?? "")".utf8).base64EncodedString() }
    }

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

/// A setting names a proxy that cannot be used.
package struct ProxyError: Error, Sendable, Hashable, CustomStringConvertible {
    package var description: String

    init(_ description: String) { self.description = description }
}
