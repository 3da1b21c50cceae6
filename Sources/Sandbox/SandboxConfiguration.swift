import Logging

/// The settings of a sandbox.
package struct SandboxConfiguration: Sendable {
    /// The address that the API and the node ports listen on.
    package var host = "127.0.0.1"
    /// The API's port; 0: any free port.
    package var port = 0
    package var images = ImageCatalog()
    /// The bearer token that every request must have, random for each sandbox: pods run as this user, so that other users must
    /// not be able to start them.
    package var token = String.randomIdentifier(40)
    package var nodeName = "sandbox"
    /// Additional labels of the node, for node selectors.
    package var nodeLabels: [String: String] = [:]
    /// The highest number of pods; at most 254, as each has its own loopback address.
    package var podCapacity = 110
    /// The node port range.
    package var nodePorts = 30_000...32_767
    /// The delay before a container's second restart; it doubles for each further restart. The first restart is immediate.
    package var crashBackoff: Duration = .seconds(1)
    package var crashBackoffLimit: Duration = .seconds(300)
    /// The delay before an image pull is retried; it doubles each time.
    package var pullBackoff: Duration = .seconds(1)
    package var pullBackoffLimit: Duration = .seconds(10)
    /// The grace period of pods when the sandbox stops.
    package var stopGrace: Duration = .seconds(5)
    /// The interval of bookmarks, for watches that request them.
    package var bookmarkInterval: Duration = .seconds(5)
    /// The number of changes kept for each collection. A watch that starts earlier is expired.
    package var watchHistory = 2_000
    /// Discards everything by default.
    package var logger = Logger(label: "sandbox") { _ in SwiftLogNoOpLogHandler() }

    package init() {}
}
