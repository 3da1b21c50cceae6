import Kubernetes
import ReleaseMachine
import ViridianConfiguration

/// The controller that owns a pod.
struct PodOwner: Hashable, CustomStringConvertible {
    var kind: String
    var name: String
    var uid: String

    var description: String { "\(kind) \(name)" }
}

extension JSON {
    /// `nil` for a pod without an owner: any controller whose selector it matches adopts it.
    var owner: PodOwner? {
        let reference = self[at: "metadata.ownerReferences"]?.array?.first { $0["controller"]?.bool == true }
        return reference.map {
            PodOwner(
                kind: $0["kind"]?.string ?? "?", name: $0["name"]?.string ?? "?", uid: $0["uid"]?.string ?? "")
        }
    }

    /// Whether a pod can serve: it has not ended and is not terminating.
    var mayServe: Bool {
        !isBeingDeleted && !["Succeeded", "Failed"].contains(self[at: "status.phase"]?.string)
    }

    /// Whether a pod belongs to a workload: to the controller itself, or to a Deployment's replica set.
    func isPod(of workload: JSON) -> Bool {
        guard let owner, let name = workload.name else { return false }
        guard workload.workloadResource == .deployments else { return owner.uid == workload.uid }
        return owner.kind == "ReplicaSet" && isNamedReplicaSet(owner.name, of: name)
    }

    /// Whether a pod belongs to a present or former workload of that name, of either kind.
    func isPod(ofWorkloadCalled name: String) -> Bool {
        switch owner?.kind {
        case "ReplicationController": owner?.name == name
        case "ReplicaSet": isNamedReplicaSet(owner?.name ?? "", of: name)
        default: false
        }
    }

    /// A Deployment's replica sets are named after it with a hash, which their pods have as a label.
    private func isNamedReplicaSet(_ set: String, of deployment: String) -> Bool {
        guard let hash = self[at: "metadata.labels"]?["pod-template-hash"]?.string else { return false }
        return set == "\(deployment)-\(hash)"
    }

    /// The images of a pod's containers, each once.
    var images: [String] {
        (self[at: "spec.containers"]?.array ?? []).compactMap { $0["image"]?.string }.reduce(into: []) {
            if !$0.contains($1) { $0.append($1) }
        }
    }

    /// The machine that it runs on.
    var machine: String? { self[at: "spec.nodeName"]?.string.flatMap { $0.isEmpty ? nil : $0 } }
}
