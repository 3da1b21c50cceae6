/// A version on a colour.
package struct LiveVersion: Sendable, Hashable, Codable {
    package var color: Color
    package var version: String

    package init(color: Color, version: String) {
        self.color = color
        self.version = version
    }
}

/// The live state before a release changes anything.
package struct Survey: Sendable, Hashable, Codable {
    /// `nil` when no colour is live: the app's first release.
    package var live: LiveVersion?
    package var candidate: Color
    /// How many replicas the candidate gets.
    package var replicas: Int
    /// The addresses of the nodes that answered, in the inventory's order.
    package var nodes: [String]
    /// Nodes of the inventory that did not answer.
    package var unreachable: [NodeProblem]

    package init(
        live: LiveVersion?,
        candidate: Color,
        replicas: Int,
        nodes: [String],
        unreachable: [NodeProblem] = []
    ) {
        self.live = live
        self.candidate = candidate
        self.replicas = replicas
        self.nodes = nodes
        self.unreachable = unreachable
    }
}

/// Why a step on a node failed; the node's original message where it sent one.
package struct NodeProblem: Sendable, Hashable, Codable {
    package var node: String
    /// The node could not be reached or stopped answering: what it routes to is unknown.
    package var isUnreachable: Bool
    package var message: String

    package init(node: String, isUnreachable: Bool, message: String) {
        self.node = node
        self.isUnreachable = isUnreachable
        self.message = message
    }
}

/// What a node was read back as routing to.
package struct NodeReading: Sendable, Hashable, Codable {
    package var node: String
    /// `nil` when unknown: the node is unreachable, or its file does not route to exactly one colour.
    package var color: Color?
    package var isUnreachable: Bool
    /// It has no upstream file of the app: a machine that has just joined, or an app's first release.
    package var isNew: Bool
    /// nginx is not running: the node routes nothing, whatever its file contains. `nil` in older journals.
    package var isDown: Bool?
    package var message: String?
    /// The newest release of the app that the node has seen, where it reports one. Not in journals.
    package var newestRelease: Int?

    package init(
        node: String,
        color: Color?,
        isUnreachable: Bool = false,
        isNew: Bool = false,
        isDown: Bool? = nil,
        message: String? = nil
    ) {
        self.node = node
        self.color = color
        self.isUnreachable = isUnreachable
        self.isNew = isNew
        self.isDown = isDown
        self.message = message
    }
}

/// What a release did not clean up before its timeout. The next release, `repair` and a server do it.
package struct Leftover: Sendable, Hashable {
    package enum Kind: String, Sendable, Hashable, Codable {
        /// The workload of a colour that does not serve, with its pods, may still exist.
        case workload
        /// The cluster may not have recorded this version as live.
        case record
    }

    package var kind: Kind
    package var version: LiveVersion
    /// Names of the workload's pods, as far as they are known.
    package var pods: [String]
    /// The reason, where it is known.
    package var message: String?

    package init(_ kind: Kind, _ version: LiveVersion, pods: [String] = [], message: String? = nil) {
        self.kind = kind
        self.version = version
        self.pods = pods
        self.message = message
    }
}

/// What was still open when the drain ended.
package struct DrainEvidence: Sendable, Hashable, Codable {
    package struct Open: Sendable, Hashable, Codable {
        package var node: String
        package var connections: Int
        package var oldWorkers: Int
        /// New connections that arrived lately although nginx sends none any more; `nil` when there were none.
        package var arriving: Int?
        /// The addresses that they came from.
        package var sources: [String]?

        package init(
            node: String,
            connections: Int,
            oldWorkers: Int,
            arriving: Int? = nil,
            sources: [String]? = nil
        ) {
            self.node = node
            self.connections = connections
            self.oldWorkers = oldWorkers
            self.arriving = arriving
            self.sources = sources
        }

        package var isStillArriving: Bool { arriving ?? 0 > 0 }
    }

    package var open: [Open]

    package init(open: [Open] = []) {
        self.open = open
    }
}
