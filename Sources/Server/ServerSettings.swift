import Controller
import Foundation
import ViridianConfiguration

/// The paths of the server's certificate chain and key.
package typealias TLSFiles = ServerConfiguration.TLS

/// The settings of the server.
package struct ServerSettings: Sendable {
    package var listen: ListenAddress
    /// The URL by which people and webhooks reach the server, without a trailing slash.
    package var url: String?
    package var tls: TLSFiles?
    /// The interval of checks of the cluster and the nodes, plus or minus a random tenth.
    package var checkInterval: Duration = .seconds(30)
    /// The time limit for a request's head, for its whole body, and for the next request on a connection.
    package var idleTimeout: Duration = .seconds(60)
    /// A connection is closed when its client reads nothing of a response for this long.
    package var writeTimeout: Duration = .seconds(30)
    package var maximumConnections = 12_000
    /// The largest body of a request, in bytes.
    package var maximumBody = 64 << 10
    /// The interval of heartbeats on event streams.
    package var heartbeat: Duration = .seconds(15)
    /// How long releases are kept in the journal after they have ended; `nil`: for ever.
    package var keep: Duration?
    package var rateLimits = RateLimits()
    /// When the server stops, what is in progress has this long to end; then it is cut off.
    package var shutdownLimit: Duration = .seconds(30)
    package var version: String

    package init(
        listen: ListenAddress,
        url: String? = nil,
        tls: TLSFiles? = nil,
        keep: Duration? = nil,
        version: String
    ) {
        self.listen = listen
        self.url = url
        self.tls = tls
        self.keep = keep
        self.version = version
    }

    /// Whether browsers reach the server over HTTPS.
    var isSecure: Bool { tls != nil || url?.hasPrefix("https://") == true }

    /// The name of the session's cookie. With the prefix `__Host-` browsers accept it from this host only, not from a sibling domain.
    var cookie: String { isSecure ? "__Host-viridian_session" : "viridian_session" }

    /// A warning when tokens and sessions cross the network unencrypted, else `nil`.
    var exposure: String? {
        let isLocal = ["localhost", "::1"].contains(listen.host) || listen.host.hasPrefix("127.")
        guard !isSecure, !isLocal else { return nil }
        return
            "access tokens and sessions cross the network unencrypted: set server.tls, or listen on 127.0.0.1 behind a proxy with "
            + "TLS and set server.url to the proxy's https address"
    }
}
