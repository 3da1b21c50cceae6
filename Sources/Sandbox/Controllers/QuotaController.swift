import Kubernetes

/// Updates the `status` of resource quotas.
struct QuotaController: Sendable {
    let store: ObjectStore

    var sources: [ControlLoop.Source] {
        let store = store
        return [
            .init(type: .resourceQuotas) { [$0.meta.key] },
            .init(type: .pods) { pod in
                await store.list(.resourceQuotas, ObjectFilter(namespace: pod.meta.namespace)).map(\.meta.key)
            },
        ]
    }

    func reconcile(_ key: ObjectKey) async throws -> Duration? {
        await store.perform { objects in
            guard let quota = objects.find(.resourceQuotas, key) else { return }
            let status = objects.quotaStatus(quota)
            _ = try? objects.update(.resourceQuotas, key, .status) { object in
                var changed = object
                changed["status"] = status
                return changed
            }
        }
        return nil
    }
}
