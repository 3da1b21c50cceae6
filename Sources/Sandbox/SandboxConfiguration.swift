import Logging

/// What a sandbox is made with.
package struct SandboxConfiguration: Sendable {
    /// Where the API and the node ports listen.
    package var host = "127.0.0.1"
    /// The API's port; 0 takes a free one.
    package var port = 0
    package var images = ImageCatalog()
    /// The bearer token that the API wants with every request. A new one for each sandbox: pods run as this user, so nobody else
    /// may start any.
    package var token = String.unmistakable(40)
    package var nodeName = "sandbox"
    /// Labels of the node, for pods that select it.
    package var nodeLabels: [String: String] = [:]
    /// How many pods the node takes; at most 254, because each has a loopback address of its own.
    package var podCapacity = 110
    /// The ports that services of type NodePort may have.
    package var nodePorts = 30_000...32_767
    /// The wait before a container's second restart, doubled for each one after it. The first restart comes at once.
    package var crashBackoff: Duration = .seconds(1)
    package var mostCrashBackoff: Duration = .seconds(300)
    /// The wait before an image is pulled again, doubled each time.
    package var pullBackoff: Duration = .seconds(1)
    package var mostPullBackoff: Duration = .seconds(10)
    /// How long pods may take to end when the sandbox does.
    package var stopGrace: Duration = .seconds(5)
    /// How often watches that ask for it are told how far the cluster is.
    package var bookmarkInterval: Duration = .seconds(5)
    /// How many changes of each collection a watch can go back before it is expired.
    package var watchHistory = 2_000
    /// Silent unless given.
    package var logger = Logger(label: "sandbox") { _ in SwiftLogNoOpLogHandler() }

    package init() {}
}
