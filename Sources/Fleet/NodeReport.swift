import Nginx

/// The state of an app on a node: its upstream file, nginx, and whether nginx has loaded the file.
package struct NodeReport: Sendable, Hashable {
    package enum File: Sendable, Hashable {
        case missing
        case present(UpstreamFile, routing: Routing)
    }

    package enum Loaded: String, Sendable, Hashable {
        /// The workers that accept connections have loaded the current file.
        case yes
        /// They have not: the file was edited, and nginx was not reloaded or refused it.
        case no
        case unknown
    }

    /// The state of the app's static assets on the node.
    package struct Assets: Sendable, Hashable {
        /// The target of the link `current`: `releases/<version>`, or another target set by others; `nil`: no link.
        package var current: String?
        /// The known target for the colour of each port; `none`: no assets.
        package var wanted: [Int: String]

        /// Whether the node has no assets for the port: a new machine, or an app without assets until now.
        package func lacks(_ port: Int) -> Bool { current == nil && wanted[port] == nil }

        /// The target that `current` should have while this port is live, if it differs.
        package func missing(for port: Int) -> String? {
            guard let wanted = wanted[port], wanted != current ?? "none" else { return nil }
            return wanted
        }
    }

    /// The path of the file, with links resolved.
    package var path: String
    package var file: File
    package var loaded: Loaded
    /// Why `loaded` has its value.
    package var loadedReason: String
    /// The routing that nginx has loaded, if known: that of the file, or of the text that was last loaded.
    package var serving: Routing?
    /// The highest release number that has switched this app on the node (the fence).
    package var token: Int
    /// nginx's master process; `nil` when none runs.
    package var master: Int?
    /// The workers that accept connections.
    package var workers: [Int]
    /// The old workers that are finishing their last requests.
    package var draining: [Int]
    /// `nil` for an app without assets.
    package var assets: Assets?

    /// The port that new requests go to, if the node has verified that it is exactly one.
    package var livePort: Int? { serving?.port }

    package var upstreamFile: UpstreamFile? {
        if case .present(let file, _) = file { file } else { nil }
    }

    /// The file's routing; `nil` without a file.
    package var routing: Routing? {
        if case .present(_, let routing) = file { routing } else { nil }
    }
}

/// The result of reading a node.
package struct NodeReadResult: Sendable {
    package var node: Node
    package var outcome: Result<NodeReport, NodeFailure>

    package var report: NodeReport? { try? outcome.get() }
    package var failure: NodeFailure? { if case .failure(let failure) = outcome { failure } else { nil } }
}

/// A node that routes new requests to one port, verified by its workers.
package struct SwitchReport: Sendable, Hashable {
    package var node: Node
    package var port: Int
    /// The node was already switched, and nginx was not reloaded.
    package var wasAlreadySwitched: Bool
    /// The workers that accepted connections before the switch. When all have ended, all their requests have ended.
    package var replaced: [Int]
    package var report: NodeReport
    /// The proof that nginx serves visitors from the port; `nil` if it was not requested.
    package var proof: VisitorProof?
}

/// What still uses a port on a node.
package struct DrainReport: Sendable, Hashable {
    package var node: Node
    /// Established connections to the port.
    package var connections: Int
    /// nginx's old workers that are finishing their last requests.
    package var draining: [Int]
    /// The number of new connections to the port since the previous report, by source address; `nil` the first time.
    package var arrivals: [String: Int]?

    package var isDrained: Bool { connections == 0 && draining.isEmpty && (arrivals ?? [:]).isEmpty }
}

/// The result of checking a node.
package struct CheckReport: Sendable {
    package var node: Node
    /// The app's state on the node, or why it cannot be read.
    package var reading: NodeReadResult
    /// The app's file.
    package var path: String
    /// Whether an nginx master process runs.
    package var isRunning: Bool
    /// `nginx version: nginx/1.22.1`.
    package var nginx: String
    package var accepted: Bool
    /// The output of the test command.
    package var testOutput: [String]
    /// Whether nginx's configuration includes the app's file; `nil`: unknown.
    package var isIncluded: Bool?
    package var disks: [Disk]
    /// Programs that the node script needs and that are not installed.
    package var missingPrograms: [String]
    /// The seconds by which the node's clock is ahead of this machine's, beyond the uncertainty of the measurement.
    package var clockSkew: Double?
    package var user: String
    /// The ports of the app that accept connections on the node's loopback interface.
    package var openPorts: [Int]
    /// Whether kube-proxy runs in IPVS mode, which has no NodePorts on 127.0.0.1. In iptables mode, packets to 127.0.0.1 must be routable
    /// (`net.ipv4.conf.all.route_localnet`).
    package var balancesByIPVS: Bool
    package var routesLoopback: Bool?
    /// The servers that nginx may disable after failures (see `UpstreamFile.serversThatMayFail`).
    package var serversThatMayFail: [UpstreamServer]
    /// Lines of nginx's configuration that make a release fail (see `Upstream.direct`).
    package var direct: [PortMention]
    /// The URLs for requests through nginx like those of visitors: `http://blog.domain.com/ at 127.0.0.1:80`.
    package var visitorURLs: [String]

    package struct Disk: Sendable, Hashable {
        package var path: String
        package var isWritable: Bool
        package var freeKibibytes: Int?
        /// `nil` for file systems without a fixed number of inodes.
        package var freeInodes: Int?
    }
}
