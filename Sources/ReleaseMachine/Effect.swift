/// An action on the cluster or on a node. Every effect is idempotent: repeated, or interrupted and repeated, it has the same result.
package enum Effect: Sendable, Hashable, Codable {
    /// Read cluster, nodes and journal, and determine the live colour from them.
    case survey
    /// Make the candidate's services and workload exist.
    case createCandidate
    /// Watch the candidate's pods until all are ready.
    case awaitPods
    /// The part of staging that needs no pod, while pods start. It only saves time: staging does what this did not, or reports why.
    case prepare(node: String)
    /// Do everything on the node that the switch needs and that no request can notice.
    case stage(node: String)
    /// Check once more that the candidate's pods are ready, right before traffic moves.
    case confirmCandidate
    case switchNode(node: String)
    /// Switch the node back to the colour that was live, whatever it routes to.
    case revertNode(node: String)
    /// Record in the cluster which colour is live.
    case recordLive(Color)
    case drain
    /// Read every node of the inventory, including those that joined since.
    case readBack
    case removeOld
    /// Keep the old colour's pods for an instant rollback.
    case retainOld
    case removeCandidate

    /// The node that the effect acts on. Two effects on one node never run at the same time.
    package var node: String? {
        switch self {
        case .prepare(let node), .stage(let node), .switchNode(let node), .revertNode(let node): node
        default: nil
        }
    }
}
