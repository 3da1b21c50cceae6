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

    /// The port that new requests reach, when the node has proved that it is exactly one.
    package var livePort: Int? { serving?.port }

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
}

/// What is still open on a node.
package struct DrainReport: Sendable, Hashable {
    package var node: Node
    /// Established connections to the port.
    package var connections: Int
    /// nginx's workers that only finish their last requests.
    package var draining: [Int]

    package var isDrained: Bool { connections == 0 && draining.isEmpty }
}

/// What `check` finds on a node.
package struct CheckReport: Sendable, Hashable {
    package var node: Node
    package var report: NodeReport
    /// `nginx version: nginx/1.22.1`.
    package var nginx: String
    package var accepted: Bool
    /// What the test command printed.
    package var words: [String]
    /// Whether nginx's configuration includes the app's file; `nil` when that cannot be told.
    package var isIncluded: Bool?
    package var isWritable: Bool
    package var freeKibibytes: Int?
    /// The node's clock, in seconds since 1970.
    package var time: Int?
    package var user: String
    /// The ports of the app that accept connections on the node's loopback interface.
    package var openPorts: [Int]
    /// The lines that nginx may take out of use by itself (see `UpstreamFile.serversThatMayFail`).
    package var serversThatMayFail: [UpstreamServer]
}
