import Foundation
import Kubernetes

/// Creates a replica set for each pod template of a deployment, and moves the pods from the old replica sets to the new one.
struct DeploymentController: Sendable {
    static let revision = "deployment.kubernetes.io/revision"
    static let hashLabel = "pod-template-hash"

    let store: ObjectStore
    let events: EventRecorder

    var sources: [ControlLoop.Source] {
        let store = store
        return [
            .init(type: .deployments) { [$0.meta.key] },
            .init(type: .replicaSets) { set in
                guard let owner = set.meta.controller, owner["kind"]?.string == "Deployment" else { return [] }
                return [ObjectKey(namespace: set.meta.namespace, name: owner["name"]?.string ?? "")]
            },
            // With the strategy Recreate, new pods are created when the last old one has ended.
            .init(type: .pods) { pod in
                guard pod.meta.labels[Self.hashLabel] != nil else { return [] }
                return await store.list(.deployments, ObjectFilter(namespace: pod.meta.namespace))
                    .filter { $0[at: "spec.strategy.type"]?.string == "Recreate" }.map(\.meta.key)
            },
        ]
    }

    func reconcile(_ key: ObjectKey) async throws -> Duration? {
        guard let deployment = await store.find(.deployments, key), !deployment.meta.isDeleting else { return nil }
        let isPaused = deployment[at: "spec.paused"]?.bool == true
        var (new, old) = await store.perform { $0.replicaSets(of: deployment) }
        if new == nil, !isPaused { new = try await createReplicaSet(for: deployment, old: old) }
        if let set = new, !isPaused { new = try await markNewest(set, old: old, of: deployment) }
        var changes: [(set: JSON, replicas: Int)] = []
        if let new {
            let plan = Rollout(deployment, new: new, old: old)
            if isPaused {
                changes = plan.scalingOnly()
            } else if deployment[at: "spec.strategy.type"]?.string == "Recreate" {
                let remaining = await store.perform { [old] in $0.podsLeft(of: old) }
                changes = plan.recreating(podsLeft: remaining)
            } else {
                changes = plan.rolling()
            }
        }
        for (set, replicas) in changes { try await scale(set, to: replicas, of: deployment) }
        (new, old) = await store.perform { $0.replicaSets(of: deployment) }
        try await prune(old, of: deployment)
        return try await DeploymentStatus(deployment: deployment, new: new, old: old).write(to: store)
    }

    private func createReplicaSet(for deployment: JSON, old: [JSON]) async throws -> JSON {
        var template = deployment[at: "spec.template"] ?? [:]
        let hash = Self.hash(of: template)
        template[["metadata", "labels", Self.hashLabel]] = .string(hash)
        var selector = deployment[at: "spec.selector"] ?? [:]
        selector[["matchLabels", Self.hashLabel]] = .string(hash)
        let metadata: JSON = [
            "name": .string("\(deployment.meta.name)-\(hash)"), "namespace": .string(deployment.meta.namespace),
            "labels": template["metadata"]?["labels"] ?? [:], "annotations": .strings(Self.inherited(deployment)),
            "ownerReferences": [deployment.controllerReference(.deployments)],
        ]
        var spec: JSON = ["replicas": 0, "selector": selector, "template": template]
        spec["minReadySeconds"] = deployment[at: "spec.minReadySeconds"]
        let set: JSON = ["metadata": metadata, "spec": spec]
        return try await store.perform { try $0.create(.replicaSets, set) }
    }

    /// The annotations that a replica set inherits: all except those about the deployment itself.
    private static func inherited(_ deployment: JSON) -> [String: String] {
        deployment.meta.annotations.filter {
            $0.key != "kubectl.kubernetes.io/last-applied-configuration" && $0.key != revision
        }
    }

    /// The revision of a replica set; 0 when the annotation is invalid.
    private static func number(_ set: JSON) -> Int {
        let number = Int(set.meta.annotations[revision] ?? "") ?? 0
        return (0...Int(Int32.max)).contains(number) ? number : 0
    }

    /// Gives the replica set of the current template the highest revision, also when it was an old one.
    private func markNewest(_ set: JSON, old: [JSON], of deployment: JSON) async throws -> JSON {
        let highest = old.map(Self.number).max() ?? 0
        let own = Self.number(set)
        let number = own > highest ? own : highest + 1
        let text = JSON.string(String(number))
        return try await store.perform { objects in
            let marked = try objects.update(.replicaSets, set.meta.key) {
                var changed = $0
                changed[["metadata", "annotations", Self.revision]] = text
                return changed
            }
            _ = try objects.update(.deployments, deployment.meta.key) {
                var changed = $0
                changed[["metadata", "annotations", Self.revision]] = text
                return changed
            }
            return marked
        }
    }

    private func scale(_ set: JSON, to replicas: Int, of deployment: JSON) async throws {
        let before = set[at: "spec.replicas"]?.integer ?? 0
        guard before != replicas else { return }
        try await store.perform { objects in
            _ = try objects.update(.replicaSets, set.meta.key) {
                var changed = $0
                changed[at: "spec.replicas"] = .int(replicas)
                return changed
            }
        }
        let direction = replicas > before ? "up" : "down"
        await events.record(
            deployment, .deployments, .normal, "ScalingReplicaSet",
            "Scaled \(direction) replica set \(set.meta.name) to \(replicas) from \(before)",
            component: "deployment-controller")
    }

    private func prune(_ old: [JSON], of deployment: JSON) async throws {
        let limit = deployment[at: "spec.revisionHistoryLimit"]?.count ?? 10
        let empty = old.filter { $0[at: "spec.replicas"]?.integer == 0 && $0[at: "status.replicas"]?.integer == 0 }
        guard empty.count > limit else { return }
        let oldest = empty.sorted { Self.number($0) < Self.number($1) }
        for set in oldest.prefix(empty.count - limit) {
            _ = try? await store.perform { try $0.delete(.replicaSets, set.meta.key) }
        }
    }

    static func hash(of template: JSON) -> String {
        let alphabet = Array("bcdfghjklmnpqrstvwxz2456789")
        var number = Fingerprint.value(template.text)
        return String(
            (0..<10).map { _ in
                defer { number /= UInt64(alphabet.count) }
                return alphabet[Int(number % UInt64(alphabet.count))]
            })
    }
}

extension Objects {
    /// The replica set of a deployment's current template, and its other replica sets.
    fileprivate func replicaSets(of deployment: JSON) -> (new: JSON?, old: [JSON]) {
        let hash = DeploymentController.hash(of: deployment[at: "spec.template"] ?? [:])
        let owned = list(.replicaSets, namespace: deployment.meta.namespace).filter {
            $0.meta.controller?["uid"]?.string == deployment.meta.uid && !$0.meta.isDeleting
        }
        let new = owned.first { $0.meta.labels[DeploymentController.hashLabel] == hash }
        return (new, owned.filter { $0.meta.name != new?.meta.name })
    }

    fileprivate func podsLeft(of sets: [JSON]) -> Int {
        sets.reduce(0) { sum, set in
            sum + dependents(of: set.meta.uid).count { $0.type == .pods && find(.pods, $0.key)?.hasEnded == false }
        }
    }
}
