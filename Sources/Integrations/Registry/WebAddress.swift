import Foundation

/// An http or https URL, divided for requests.
struct WebAddress: Sendable, Hashable {
    /// `https://registry.local:5000`, always with the port.
    let origin: String
    /// Path and query, percent-encoded.
    let path: String
    /// `registry.local`
    let host: String
    /// `registry.local:5000`, for people: with the port where the URL has one.
    let name: String
    let isSecure: Bool

    /// `text` is a URL, or relative to `base`. Credentials in it are left out.
    init?(_ text: String, relativeTo base: WebAddress? = nil) {
        let base = base.flatMap { URL(string: $0.origin + $0.path) }
        guard text.utf8.count <= 16_384, let url = URL(string: text, relativeTo: base)?.absoluteURL,
            let parts = URLComponents(url: url, resolvingAgainstBaseURL: true),
            let scheme = parts.scheme?.lowercased(), ["http", "https"].contains(scheme),
            let host = parts.host?.lowercased(), !host.isEmpty
        else { return nil }
        self.host = host
        isSecure = scheme == "https"
        name = host + (parts.port.map { ":\($0)" } ?? "")
        origin = "\(scheme)://\(host):\(parts.port ?? (isSecure ? 443 : 80))"
        let path = parts.percentEncodedPath.isEmpty ? "/" : parts.percentEncodedPath
        self.path = path + (parts.percentEncodedQuery.map { "?" + $0 } ?? "")
    }
}
