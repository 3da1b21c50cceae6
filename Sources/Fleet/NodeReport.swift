import Nginx

/// What a node says about an app: its file, its nginx, and whether the one has loaded the other.
package struct NodeReport: Sendable, Hashable {
    package enum File: Sendable, Hashable {
        case missing
        case present(UpstreamFile, routing: Routing)
    }

    package enum Loaded: String, Sendable, Hashable {
        /// The workers that accept connections have loaded the file as it is now.
        case yes
        /// They have not: it was edited, and nginx not reloaded or not willing.
        case no
        case unknown
    }

    /// Where the app's static assets stand on the node.
    package struct Assets: Sendable, Hashable {
        /// What `current` points at: `releases/<version>`, or other text where somebody else made the link; `nil` is nothing.
        package var current: String?
        /// What belongs to the colour of each port, as far as it is known; `none` is nothing.
        package var wanted: [Int: String]

        /// There are none at all: a machine that has come without, or an app that has had none until now.
        package func lacks(_ port: Int) -> Bool { current == nil && wanted[port] == nil }

        /// What `current` should be while this port has the traffic, where it is something else.
        package func missing(for port: Int) -> String? {
            guard let wanted = wanted[port], wanted != current ?? "none" else { return nil }
            return wanted
        }
    }

    /// The file with links resolved.
    package var path: String
    package var file: File
    package var loaded: Loaded
    /// Why `loaded` is known, or is not.
    package var because: String
    /// What nginx has loaded, where that is known: the file's routing, or that of the text that was loaded last.
    package var serving: Routing?
    /// The highest release number that has switched this app here.
    package var token: Int
    /// nginx's master process; `nil` when none runs.
    package var master: Int?
    /// The workers that accept connections.
    package var workers: [Int]
    /// The workers that only finish their last requests.
    package var draining: [Int]
    /// `nil` for an app without any.
    package var assets: Assets?

    /// The port that new requests reach, when the node has proved that it is exactly one.
    package var livePort: Int? { serving?.port }

    package var upstreamFile: UpstreamFile? {
        if case .present(let file, _) = file { file } else { nil }
    }

    /// Where the file says that requests go; `nil` when there is none.
    package var routing: Routing? {
        if case .present(_, let routing) = file { routing } else { nil }
    }
}

/// What came of reading one node.
package struct NodeReading: Sendable {
    package var node: Node
    package var outcome: Result<NodeReport, NodeFailure>

    package var report: NodeReport? { try? outcome.get() }
    package var failure: NodeFailure? { if case .failure(let failure) = outcome { failure } else { nil } }
}

/// A node that sends new requests to one port, proved by its workers.
package struct SwitchReport: Sendable, Hashable {
    package var node: Node
    package var port: Int
    /// It was so already, and nginx was not touched.
    package var wasThere: Bool
    /// The workers that accepted connections before; when all of them have ended, so has the last request that they took.
    package var replaced: [Int]
    package var report: NodeReport
    /// What shows that visitors are served by it; `nil` where nobody asked for that.
    package var proof: VisitorProof?
}

/// What is still open on a node.
package struct DrainReport: Sendable, Hashable {
    package var node: Node
    /// Established connections to the port.
    package var connections: Int
    /// nginx's workers that only finish their last requests.
    package var draining: [Int]
    /// How many connections have been made to the port since this was last asked, by the address that they come from; `nil` the first
    /// time.
    package var arrivals: [String: Int]?

    package var isDrained: Bool { connections == 0 && draining.isEmpty && (arrivals ?? [:]).isEmpty }
}

/// What `check` finds on a node.
package struct CheckReport: Sendable {
    package var node: Node
    /// What it routes to, or why its file cannot be told.
    package var reading: NodeReading
    /// The app's file.
    package var path: String
    /// Whether an nginx master process runs.
    package var isRunning: Bool
    /// `nginx version: nginx/1.22.1`.
    package var nginx: String
    package var accepted: Bool
    /// What the test command printed.
    package var words: [String]
    /// Whether nginx's configuration includes the app's file; `nil` when that cannot be told.
    package var isIncluded: Bool?
    package var disks: [Disk]
    /// Programs that the node script needs and that are not there.
    package var lacking: [String]
    /// How far the node's clock is ahead of this machine's, in seconds; as much of it as the time that the answer took cannot explain.
    package var clockSkew: Double?
    package var user: String
    /// The ports of the app that accept connections on the node's loopback interface.
    package var openPorts: [Int]
    /// What the kernel says about NodePorts on 127.0.0.1: kube-proxy's IPVS mode has none; in iptables mode packets to it have to
    /// be routable (`net.ipv4.conf.all.route_localnet`).
    package var balancesByIPVS: Bool
    package var routesLoopback: Bool?
    /// The lines that nginx may take out of use by itself (see `UpstreamFile.serversThatMayFail`).
    package var serversThatMayFail: [UpstreamServer]
    /// Lines of nginx's configuration that a release would stop at (see `Upstream.direct`).
    package var direct: [PortMention]
    /// How nginx can be asked as the app's visitors ask: `http://blog.domain.com/ at 127.0.0.1:80`.
    package var ways: [String]

    package struct Disk: Sendable, Hashable {
        package var path: String
        package var isWritable: Bool
        package var freeKibibytes: Int?
        /// `nil` where the file system has no fixed number of them.
        package var freeInodes: Int?
    }
}
