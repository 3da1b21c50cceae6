import Controller
import Foundation
import Journal
import ViridianConfiguration

/// The apps that the server serves: what the composition root plugs in.
package protocol ServedApps: Sendable {
    /// In the order of the configuration.
    var configurations: [AppConfiguration] { get }
    /// The releases of one app; words that are said through it are told to the audit log with `provenance`.
    func releases(_ app: String, _ provenance: Provenance) throws(UnknownApp) -> AppReleases
    /// Throws when the cluster's API does not answer.
    func checkCluster() async throws
}

extension ServedApps {
    /// For looking, which the audit log has nothing to say of.
    func releases(_ app: String) throws(UnknownApp) -> AppReleases {
        try releases(app, Provenance(origin: "server"))
    }

    func configuration(_ app: String) throws(UnknownApp) -> AppConfiguration {
        guard let found = configurations.first(where: { $0.name.text == app }) else {
            throw UnknownApp(name: app, known: configurations.map(\.name.text).sorted())
        }
        return found
    }
}

/// The paths of the server's certificate chain and key.
package typealias TLSFiles = ServerConfiguration.TLS

/// What the server's owner decides.
package struct ServerSettings: Sendable {
    package var listen: ListenAddress
    /// What people and webhooks reach it by, without a slash at its end.
    package var url: String?
    package var tls: TLSFiles?
    /// Between two looks at cluster and nodes; each is a tenth earlier or later at random.
    package var lookInterval: Duration = .seconds(30)
    /// A request's head and each part of its body have to come within this; so has the next request on a connection.
    package var idleTimeout: Duration = .seconds(60)
    /// A client that takes nothing of its answer for so long is cut off.
    package var stallTimeout: Duration = .seconds(30)
    package var maximumConnections = 12_000
    package var maximumBody = 64 << 10
    package var heartbeat: Duration = .seconds(15)
    package var version: String

    package init(
        listen: ListenAddress,
        url: String? = nil,
        tls: TLSFiles? = nil,
        version: String
    ) {
        self.listen = listen
        self.url = url
        self.tls = tls
        self.version = version
    }

    /// The pages' cookie is sent over TLS only.
    var isSecure: Bool { tls != nil || url?.hasPrefix("https://") == true }

    /// The pages' cookie. Over TLS browsers take one of this name from this host alone, and not from a page of a sibling domain.
    var cookie: String { isSecure ? "__Host-viridian_session" : "viridian_session" }

    /// Why tokens and sessions can be read on their way; `nil` where nothing is known against it.
    var exposure: String? {
        let isLocal = ["localhost", "::1"].contains(listen.host) || listen.host.hasPrefix("127.")
        guard !isSecure, !isLocal else { return nil }
        return
            "access tokens and sessions cross the network in the clear: set server.tls, or let a proxy with TLS stand before it, "
            + "listen on 127.0.0.1, and set server.url to the proxy's https address"
    }
}
