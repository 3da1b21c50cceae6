import Foundation
import Kubernetes

/// The options of a deletion (`metav1.DeleteOptions`).
struct DeleteOptions: Sendable {
    enum Propagation: String, Sendable {
        case background = "Background"
        case foreground = "Foreground"
        case orphan = "Orphan"
    }

    var gracePeriod: Int?
    var propagation: Propagation?
    var uid: String?
    var resourceVersion: String?
    var dryRun = false
}

/// Deletion of objects and their dependents.
extension Objects {
    private static let foregroundFinalizer = "foregroundDeletion"

    /// Deletes an object, or marks it as being deleted.
    ///
    /// - Returns: the object, and whether it has been removed. A pod is removed when the kubelet has ended its processes, an
    ///   object with finalizers when the last one is removed.
    mutating func delete(
        _ type: ResourceType, _ key: ObjectKey, _ options: DeleteOptions = DeleteOptions()
    ) throws -> (object: JSON, isGone: Bool) {
        let object = try get(type, key)
        if let uid = options.uid, uid != object.meta.uid {
            throw StatusError.conflict(
                type, key.name,
                "Precondition failed: UID in precondition: \(uid), UID in object meta: \(object.meta.uid)")
        }
        if let version = options.resourceVersion, version != object.meta.resourceVersion {
            throw StatusError.conflict(
                type, key.name,
                "Precondition failed: ResourceVersion in precondition: \(version), ResourceVersion in object meta: "
                    + object.meta.resourceVersion)
        }
        if type == .namespaces, ["default", "kube-system"].contains(key.name) {
            throw StatusError.forbidden(type, key.name, "this namespace may not be deleted")
        }
        guard !options.dryRun else { return (object, true) }
        switch type {
        case .pods: return deletePod(key, object, options)
        case .namespaces: return deleteNamespace(key, object)
        default: return deletePlain(type, key, object, options)
        }
    }

    private mutating func deletePlain(
        _ type: ResourceType, _ key: ObjectKey, _ object: JSON, _ options: DeleteOptions
    ) -> (object: JSON, isGone: Bool) {
        // Replication controllers orphan their pods by default, for compatibility with old clients
        // (pkg/registry/core/replicationcontroller/strategy.go).
        let propagation = options.propagation ?? (type == .replicationControllers ? .orphan : .background)
        var object = object
        switch propagation {
        case .orphan:
            for dependent in dependents(of: object.meta.uid) { disown(dependent, owner: object.meta.uid) }
        case .foreground where !dependents(of: object.meta.uid).isEmpty:
            if !object.meta.finalizers.contains(Self.foregroundFinalizer) {
                let finalizers = object.meta.finalizers + [Self.foregroundFinalizer]
                object[at: "metadata.finalizers"] = .array(finalizers.map { .string($0) })
            }
        case .foreground, .background: break
        }
        guard !object.meta.finalizers.isEmpty else { return (remove(type, key) ?? object, true) }
        if !object.meta.isDeleting {
            object[at: "metadata.deletionTimestamp"] = APITime.now()
            object[at: "metadata.deletionGracePeriodSeconds"] = 0
            object = put(type, object)
        }
        if object.meta.finalizers.contains(Self.foregroundFinalizer) {
            for dependent in dependents(of: object.meta.uid) {
                _ = try? delete(dependent.type, dependent.key, DeleteOptions(propagation: .foreground))
            }
            guard let left = find(type, key) else { return (object, true) }
            object = left
        }
        return (object, false)
    }

    private mutating func deletePod(
        _ key: ObjectKey, _ pod: JSON, _ options: DeleteOptions
    ) -> (object: JSON, isGone: Bool) {
        let phase = pod[at: "status.phase"]?.string
        let isScheduled = !(pod[at: "spec.nodeName"]?.string ?? "").isEmpty
        var grace = options.gracePeriod ?? pod[at: "spec.terminationGracePeriodSeconds"]?.count ?? 30
        if !isScheduled || phase == "Succeeded" || phase == "Failed" { grace = 0 }
        if grace == 0, pod.meta.finalizers.isEmpty { return (remove(.pods, key) ?? pod, true) }
        if let already = pod[at: "metadata.deletionGracePeriodSeconds"]?.integer, already <= grace {
            return (pod, false)
        }
        var pod = pod
        pod[at: "metadata.deletionTimestamp"] = APITime.text(Date(timeIntervalSinceNow: Double(grace)))
        pod[at: "metadata.deletionGracePeriodSeconds"] = .int(grace)
        return (put(.pods, pod), false)
    }

    private mutating func deleteNamespace(_ key: ObjectKey, _ namespace: JSON) -> (object: JSON, isGone: Bool) {
        var namespace = namespace
        if !namespace.meta.isDeleting {
            namespace[at: "metadata.deletionTimestamp"] = APITime.now()
            namespace[at: "status.phase"] = "Terminating"
            namespace = put(.namespaces, namespace)
        }
        for location in locations(in: key.name) {
            _ = try? delete(location.type, location.key, DeleteOptions(propagation: .background))
        }
        removeNamespaceIfEmpty(key.name)
        return (namespace, find(.namespaces, key) == nil)
    }

    /// Removes an object and its dependents, and completes the foreground deletion of owners that waited for it.
    @discardableResult
    mutating func remove(_ type: ResourceType, _ key: ObjectKey) -> JSON? {
        guard let gone = take(type, key) else { return nil }
        for dependent in dependents(of: gone.meta.uid) {
            let owners = find(dependent.type, dependent.key)?.meta.ownerReferences ?? []
            let hasOther = owners.contains { $0["uid"]?.string.flatMap { location(uid: $0) } != nil }
            if hasOther {
                disown(dependent, owner: gone.meta.uid)
            } else {
                _ = try? delete(dependent.type, dependent.key, DeleteOptions(propagation: .background))
            }
        }
        for owner in gone.meta.ownerReferences { finishForegroundDeletion(uid: owner["uid"]?.string ?? "") }
        if type.isNamespaced { removeNamespaceIfEmpty(key.namespace) }
        return gone
    }

    /// Deletes a new object whose owners no longer exist.
    mutating func collectIfOrphaned(_ type: ResourceType, _ object: JSON) {
        let owners = object.meta.ownerReferences
        guard !owners.isEmpty, owners.allSatisfy({ $0["uid"]?.string.flatMap { location(uid: $0) } == nil }) else {
            return
        }
        _ = try? delete(type, object.meta.key, DeleteOptions(propagation: .background))
    }

    private mutating func disown(_ location: Location, owner uid: String) {
        guard var object = find(location.type, location.key) else { return }
        let left = object.meta.ownerReferences.filter { $0["uid"]?.string != uid }
        object[at: "metadata.ownerReferences"] = nil
        if !left.isEmpty { object[at: "metadata.ownerReferences"] = .array(left) }
        _ = put(location.type, object)
    }

    private mutating func finishForegroundDeletion(uid: String) {
        guard let location = location(uid: uid), var owner = find(location.type, location.key), owner.meta.isDeleting,
            owner.meta.finalizers.contains(Self.foregroundFinalizer),
            !dependents(of: uid).contains(where: { blocks($0, uid) })
        else { return }
        let left = owner.meta.finalizers.filter { $0 != Self.foregroundFinalizer }
        guard left.isEmpty else {
            owner[at: "metadata.finalizers"] = .array(left.map { .string($0) })
            _ = put(location.type, owner)
            return
        }
        remove(location.type, location.key)
    }

    private func blocks(_ location: Location, _ uid: String) -> Bool {
        find(location.type, location.key)?.meta.ownerReferences.contains {
            $0["uid"]?.string == uid && $0["blockOwnerDeletion"]?.bool == true
        } ?? false
    }

    private mutating func removeNamespaceIfEmpty(_ name: String) {
        let key = ObjectKey(namespace: "", name: name)
        guard let namespace = find(.namespaces, key), namespace.meta.isDeleting, locations(in: name).isEmpty else {
            return
        }
        remove(.namespaces, key)
    }
}
