import Foundation

/// `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`, read as Go programs such as kubectl read them:
/// https://github.com/golang/net/blob/master/http/httpproxy/proxy.go
package struct ProxyEnvironment: Sendable {
    private var environment: [String: String]

    package init(_ environment: [String: String]) { self.environment = environment }

    /// The proxy for requests to `url`; nil: no proxy. WebSockets (ws, wss) have that of http and https.
    /// - Throws: `ProxyError` when the variable names a proxy that cannot be used.
    package func proxy(for url: String) throws(ProxyError) -> ProxyServer? {
        guard let parts = URLComponents(string: url), let scheme = parts.scheme?.lowercased(), let host = parts.host
        else { return nil }
        let isSecure = scheme == "https" || scheme == "wss"
        let names = isSecure ? ["HTTPS_PROXY", "https_proxy"] : ["HTTP_PROXY", "http_proxy"]
        guard let (name, text) = value(names) else { return nil }
        let port = parts.port ?? (isSecure ? 443 : 80)
        guard !isExempt(host.trimmingCharacters(in: ["[", "]"]).lowercased(), port) else { return nil }
        return try ProxyServer(text, origin: name)
    }

    private func value(_ names: [String]) -> (name: String, text: String)? {
        for name in names {
            if let text = environment[name], !text.isEmpty { return (name, text) }
        }
        return nil
    }

    private func isExempt(_ host: String, _ port: Int) -> Bool {
        let address = IPAddress(host)
        if host == "localhost" || address?.isLoopback == true { return true }
        let entries = (value(["NO_PROXY", "no_proxy"])?.text ?? "").split(separator: ",")
            .map { $0.trimmingCharacters(in: .whitespaces).lowercased() }
        return entries.contains { entry in
            guard !entry.isEmpty, entry != "*" else { return entry == "*" }
            if let range = IPRange(entry) { return address.map(range.contains) ?? false }
            guard let (name, wanted) = Self.split(entry), wanted == nil || wanted == String(port) else { return false }
            if let exempt = IPAddress(name) { return exempt == address }
            return address == nil && Self.matches(host, name)
        }
    }

    /// `domain.com` matches itself and its subdomains, `.domain.com` and `*.domain.com` only subdomains.
    private static func matches(_ host: String, _ name: String) -> Bool {
        let suffix = name.hasPrefix("*.") ? String(name.dropFirst()) : name
        if suffix.hasPrefix(".") { return host.hasSuffix(suffix) }
        return host == suffix || host.hasSuffix("." + suffix)
    }

    /// `host`, `host:port`, `[address]:port`; nil for a port alone.
    private static func split(_ entry: String) -> (host: String, port: String?)? {
        if entry.hasPrefix("["), let end = entry.firstIndex(of: "]") {
            let rest = entry[entry.index(after: end)...]
            let host = String(entry[entry.index(after: entry.startIndex)..<end])
            return rest.hasPrefix(":") ? (host, String(rest.dropFirst())) : (host, nil)
        }
        // More than one colon: an IPv6 address.
        guard entry.filter({ $0 == ":" }).count == 1, let colon = entry.firstIndex(of: ":") else { return (entry, nil) }
        guard colon != entry.startIndex else { return nil }
        return (String(entry[..<colon]), String(entry[entry.index(after: colon)...]))
    }
}
