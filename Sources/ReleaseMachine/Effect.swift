/// Something to be done in the world. Every effect is idempotent: done twice, or half done and done again, it ends the same.
package enum Effect: Sendable, Hashable, Codable {
    /// Read cluster, nodes and journal, and find them in agreement.
    case survey
    /// The candidate's services and workload exist.
    case createCandidate
    /// Watch the candidate's pods until all are ready.
    case awaitPods
    /// What staging needs no pod for, while pods start. It only saves time: what it could not do, staging does or tells.
    case prepare(node: String)
    /// Everything on the node that the switch needs, and nothing that a request can notice.
    case stage(node: String)
    /// The candidate has its ready pods at this moment: the last look before traffic moves.
    case confirmCandidate
    case switchNode(node: String)
    /// Bring the node back to the colour that was live, whatever it routes to.
    case revertNode(node: String)
    /// Write down in the cluster which colour is live.
    case recordLive(Color)
    case drain
    /// Read every node of the inventory, those that joined since included.
    case readBack
    case removeOld
    /// Leave the old colour's pods for an instant rollback.
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
