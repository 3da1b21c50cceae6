import Kubernetes

/// Assigns pods to the node, or records why they do not fit.
struct Scheduler: Sendable {
    let store: ObjectStore
    let events: EventRecorder
    let node: String

    var sources: [ControlLoop.Source] {
        let store = store
        return [
            .init(type: .pods) { pod in
                // A pod that ends makes room for waiting pods.
                let isWaiting = (pod[at: "spec.nodeName"]?.string ?? "").isEmpty
                if isWaiting { return [pod.meta.key] }
                return pod.isActive ? [] : await Self.waiting(store)
            },
            .init(type: .nodes) { _ in await Self.waiting(store) },
        ]
    }

    private static func waiting(_ store: ObjectStore) async -> [ObjectKey] {
        await store.list(.pods).filter { ($0[at: "spec.nodeName"]?.string ?? "").isEmpty }.map(\.meta.key)
    }

    func reconcile(_ key: ObjectKey) async throws -> Duration? {
        let node = node
        let outcome: (JSON, String?)? = await store.perform { objects in
            guard let pod = objects.find(.pods, key), pod.isActive, (pod[at: "spec.nodeName"]?.string ?? "").isEmpty
            else { return nil }
            if let why = objects.obstacle(to: pod, on: node) {
                return (objects.markUnschedulable(pod, why), why)
            }
            return (objects.bind(pod, to: node), nil)
        }
        guard let (pod, why) = outcome else { return nil }
        if let why {
            await events.record(pod, .pods, .warning, "FailedScheduling", why, component: "default-scheduler")
        } else {
            await events.record(
                pod, .pods, .normal, "Scheduled",
                "Successfully assigned \(key.namespace)/\(key.name) to \(node)", component: "default-scheduler")
        }
        return nil
    }
}

extension Objects {
    /// Why a pod cannot run on the node, in the scheduler's format; `nil` when it can.
    fileprivate func obstacle(to pod: JSON, on nodeName: String) -> String? {
        guard let node = find(.nodes, ObjectKey(namespace: "", name: nodeName)) else {
            return "no nodes available to schedule pods"
        }
        var reasons: [String] = []
        let labels = node.meta.labels
        let selector = LabelSelector((pod[at: "spec.nodeSelector"]?.object ?? [:]).compactMapValues(\.string))
        if !selector.matches(labels) || !Self.matchesNodeAffinity(pod, to: labels) {
            reasons.append("1 node(s) didn't match Pod's node affinity/selector")
        } else if node[at: "spec.unschedulable"]?.bool == true {
            reasons.append("1 node(s) were unschedulable")
        } else {
            let present = list(.pods).filter { $0[at: "spec.nodeName"]?.string == nodeName && !$0.hasEnded }
            let allocatable = node[at: "status.allocatable"] ?? [:]
            if let limit = Quantity(allocatable["pods"])?.whole, present.count + 1 > limit {
                reasons.append("1 Too many pods")
            }
            for resource in ["cpu", "memory"] {
                guard let limit = Quantity(allocatable[resource])?.value else { continue }
                let wanted = pod.requested(resource)
                if wanted > 0, present.reduce(wanted, { $0 + $1.requested(resource) }) > limit {
                    reasons.append("1 Insufficient \(resource)")
                }
            }
        }
        guard !reasons.isEmpty else { return nil }
        return "0/1 nodes are available: \(reasons.joined(separator: ", ")). preemption: 0/1 nodes are available: "
            + "1 Preemption is not helpful for scheduling."
    }

    private static func matchesNodeAffinity(_ pod: JSON, to labels: [String: String]) -> Bool {
        let path = "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms"
        guard let terms = pod[at: path]?.array else { return true }
        return terms.contains { LabelSelector(matching: $0).matches(labels) }
    }

    fileprivate mutating func bind(_ pod: JSON, to node: String) -> JSON {
        var bound = pod
        bound[at: "spec.nodeName"] = .string(node)
        let condition: JSON = ["type": "PodScheduled", "status": "True", "lastProbeTime": .null]
        bound[at: "status.conditions"] = .array(
            JSON.conditions(pod[at: "status.conditions"]?.array ?? [], setting: condition))
        return put(.pods, bound)
    }

    fileprivate mutating func markUnschedulable(_ pod: JSON, _ why: String) -> JSON {
        let condition: JSON = [
            "type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": .string(why),
            "lastProbeTime": .null,
        ]
        let present = pod[at: "status.conditions"]?.array ?? []
        let conditions = JSON.conditions(present, setting: condition)
        guard conditions != present else { return pod }
        var marked = pod
        marked[at: "status.conditions"] = .array(conditions)
        return put(.pods, marked)
    }
}

extension JSON {
    /// Whether all of a pod's containers have ended and will not restart.
    var hasEnded: Bool { ["Succeeded", "Failed"].contains(self[at: "status.phase"]?.string ?? "") }

    /// The `cpu` or `memory` that the containers of a pod request.
    fileprivate func requested(_ resource: String) -> Double {
        (self[at: "spec.containers"]?.array ?? []).reduce(0) { sum, container in
            let amount = container["resources"]?["requests"]?[resource] ?? container["resources"]?["limits"]?[resource]
            return sum + (Quantity(amount)?.value ?? 0)
        }
    }
}
