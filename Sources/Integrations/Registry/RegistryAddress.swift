import Foundation
import ViridianConfiguration

/// Where the API of a registry is, and what its repositories are called there.
struct RegistryAddress: Sendable, Hashable {
    /// As images name it: `registry.local:5000`, `docker.io`.
    let host: String
    /// `https://registry-1.docker.io`
    let url: String

    var usesTLS: Bool { url.hasPrefix("https://") }

    /// Registries on loopback are reached without TLS, as container runtimes do, unless authorities are configured for them.
    init(_ configuration: RegistryConfiguration) {
        host = Self.canonical(configuration.host)
        let isPlain = configuration.plainHTTP || (configuration.ca == nil && Self.isLoopback(host))
        url = (isPlain ? "http://" : "https://") + (host == Self.dockerHub ? "registry-1.docker.io" : host)
    }

    /// `group/blog`, or `library/blog` for `blog` at Docker Hub.
    func repository(_ name: String) -> String {
        host == Self.dockerHub && !name.contains("/") ? "library/" + name : name
    }

    /// One name for each registry.
    static func canonical(_ host: String) -> String {
        let host = host.lowercased()
        return ["index.docker.io", "registry-1.docker.io"].contains(host) ? dockerHub : host
    }

    static let dockerHub = "docker.io"

    private static func isLoopback(_ host: String) -> Bool {
        if host.hasPrefix("[::1]") { return true }
        let name = host.prefix { $0 != ":" }
        return name == "localhost" || name.wholeMatch(of: /127(\.\d{1,3}){3}/) != nil
    }
}
