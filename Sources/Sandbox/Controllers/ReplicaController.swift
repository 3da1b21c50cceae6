import Foundation
import Kubernetes

/// Maintains the pods of ReplicationControllers or ReplicaSets.
struct ReplicaController: Sendable {
    let type: ResourceType
    let store: ObjectStore
    let events: EventRecorder

    private var component: String { type == .replicaSets ? "replicaset-controller" : "replication-controller" }

    var sources: [ControlLoop.Source] {
        let type = type
        let store = store
        let all: @Sendable (JSON) async -> [ObjectKey] = { object in
            await store.list(type, ObjectFilter(namespace: object.meta.namespace)).map(\.meta.key)
        }
        return [
            .init(type: type) { [$0.meta.key] },
            .init(type: .pods) { pod in
                guard let owner = pod.meta.controller else { return await all(pod) }
                guard owner["kind"]?.string == type.kind else { return [] }
                return [ObjectKey(namespace: pod.meta.namespace, name: owner["name"]?.string ?? "")]
            },
            .init(type: .resourceQuotas, keys: all),
        ]
    }

    func reconcile(_ key: ObjectKey) async throws -> Duration? {
        guard let object = await store.find(type, key), !object.meta.isDeleting else { return nil }
        let type = type
        var pods = await store.perform { $0.claimedPods(of: object, type) }
        let wanted = object[at: "spec.replicas"]?.count ?? 1
        var failure: StatusError?
        if pods.count < wanted {
            for _ in pods.count..<wanted where !Task.isCancelled {
                do {
                    pods.append(try await createPod(for: object))
                } catch let error as StatusError {
                    failure = error
                    await events.record(
                        object, type, .warning, "FailedCreate", "Error creating: \(error.message)", component: component
                    )
                    break
                }
            }
        } else if pods.count > wanted {
            for pod in Self.deletionOrder(pods).prefix(pods.count - wanted) {
                _ = try? await store.perform { try $0.delete(.pods, pod.meta.key) }
                await events.record(
                    object, type, .normal, "SuccessfulDelete", "Deleted pod: \(pod.meta.name)", component: component)
            }
            pods = await store.perform { $0.claimedPods(of: object, type) }
        }
        let wait = try await writeStatus(key, object, pods, failure)
        // Retried, as the cause may change; changes of quotas are watched.
        return failure != nil ? .seconds(2) : wait
    }

    private func createPod(for object: JSON) async throws -> JSON {
        let template = object[at: "spec.template"] ?? [:]
        var metadata = template["metadata"] ?? [:]
        metadata["creationTimestamp"] = nil
        metadata["name"] = nil
        metadata["generateName"] = .string(object.meta.name + "-")
        metadata["namespace"] = .string(object.meta.namespace)
        metadata["ownerReferences"] = [object.controllerReference(type)]
        let pod: JSON = ["metadata": metadata, "spec": template["spec"] ?? [:]]
        let created = try await store.perform { try $0.create(.pods, pod) }
        await events.record(
            object, type, .normal, "SuccessfulCreate", "Created pod: \(created.meta.name)", component: component)
        return created
    }

    /// The pods in the order of deletion: unscheduled, not running, not ready, youngest first.
    private static func deletionOrder(_ pods: [JSON]) -> [JSON] {
        func rank(_ pod: JSON) -> (Int, Int, Int, Date) {
            let isScheduled = !(pod[at: "spec.nodeName"]?.string ?? "").isEmpty
            let isRunning = pod[at: "status.phase"]?.string == "Running"
            return (
                isScheduled ? 1 : 0, isRunning ? 1 : 0, pod.isReady ? 1 : 0,
                Date(timeIntervalSinceReferenceDate: -pod.meta.created.timeIntervalSinceReferenceDate)
            )
        }
        return pods.map { (rank($0), $0) }.sorted { $0.0 < $1.0 }.map(\.1)
    }

    private func writeStatus(
        _ key: ObjectKey, _ object: JSON, _ pods: [JSON], _ failure: StatusError?
    ) async throws -> Duration? {
        let minimum = object[at: "spec.minReadySeconds"]?.count ?? 0
        let ready = pods.filter(\.isReady)
        let waits = ready.map { Double(minimum) - Date().timeIntervalSince($0.readySince ?? Date()) }
        let available = minimum == 0 ? ready.count : waits.count { $0 <= 0 }
        let labels = (object[at: "spec.template.metadata.labels"]?.object ?? [:]).compactMapValues(\.string)
        let fully = pods.count { LabelSelector(labels).matches($0.meta.labels) }
        let type = type
        try await store.perform { objects in
            _ = try objects.update(type, key, .status) { object in
                var status: JSON = [
                    "replicas": .int(pods.count), "observedGeneration": .int(object.meta.generation),
                ]
                if fully > 0 { status["fullyLabeledReplicas"] = .int(fully) }
                if !ready.isEmpty { status["readyReplicas"] = .int(ready.count) }
                if available > 0 { status["availableReplicas"] = .int(available) }
                var conditions = object[at: "status.conditions"]?.array ?? []
                let known = conditions.first { $0["type"]?.string == "ReplicaFailure" }
                conditions.removeAll { $0["type"]?.string == "ReplicaFailure" }
                if let failure {
                    conditions.append(
                        known ?? [
                            "type": "ReplicaFailure", "status": "True", "reason": "FailedCreate",
                            "message": .string(failure.message), "lastTransitionTime": APITime.now(),
                        ])
                }
                if !conditions.isEmpty { status["conditions"] = .array(conditions) }
                var changed = object
                changed["status"] = status
                return changed
            }
        }
        return waits.filter { $0 > 0 }.min().map { .seconds($0 + 0.05) }
    }
}

extension Objects {
    /// The active pods that an object controls. Matching pods without a controller are adopted.
    mutating func claimedPods(of owner: JSON, _ type: ResourceType) -> [JSON] {
        let selector =
            type == .replicationControllers
            ? LabelSelector((owner[at: "spec.selector"]?.object ?? [:]).compactMapValues(\.string))
            : LabelSelector(matching: owner[at: "spec.selector"] ?? [:])
        var claimed: [JSON] = []
        for pod in list(.pods, namespace: owner.meta.namespace) where pod.isActive {
            let matches = selector.matches(pod.meta.labels)
            if let controller = pod.meta.controller {
                guard controller["uid"]?.string == owner.meta.uid else { continue }
                // A pod that no longer matches is released.
                guard matches else {
                    var released = pod
                    released[at: "metadata.ownerReferences"] = nil
                    _ = put(.pods, released)
                    continue
                }
                claimed.append(pod)
            } else if matches, !selector.requirements.isEmpty {
                var adopted = pod
                adopted[at: "metadata.ownerReferences"] = [owner.controllerReference(type)]
                claimed.append(put(.pods, adopted))
            }
        }
        return claimed
    }
}

extension JSON {
    /// Whether a pod has neither ended nor is being deleted.
    var isActive: Bool {
        !meta.isDeleting && !["Succeeded", "Failed"].contains(self[at: "status.phase"]?.string ?? "")
    }

    /// Whether a pod's `Ready` condition is true.
    var isReady: Bool { condition("Ready")?["status"]?.string == "True" }

    var readySince: Date? {
        guard isReady else { return nil }
        return condition("Ready")?["lastTransitionTime"]?.string.flatMap(APITime.parse)
    }

    func condition(_ type: String) -> JSON? {
        (self[at: "status.conditions"]?.array ?? []).first { $0["type"]?.string == type }
    }

    /// Sets one of a status's conditions. Its transition time changes only with its status.
    static func conditions(_ present: [JSON], setting condition: JSON) -> [JSON] {
        var condition = condition
        var list = present
        let index = list.firstIndex { $0["type"] == condition["type"] }
        if let index, list[index]["status"] == condition["status"], let since = list[index]["lastTransitionTime"] {
            condition["lastTransitionTime"] = since
        } else {
            condition.fill("lastTransitionTime", APITime.now())
        }
        if let index { list[index] = condition } else { list.append(condition) }
        return list
    }
}
