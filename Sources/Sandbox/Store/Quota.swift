import Kubernetes

/// Resource quotas for the number of pods.
extension Objects {
    private static let counted = ["pods", "count/pods"]

    /// - Throws: 403 when one more pod would exceed a quota of the namespace.
    func checkQuota(namespace: String, name: String) throws {
        for quota in list(.resourceQuotas, namespace: namespace) {
            for resource in Self.counted {
                guard let limit = Quantity(quota["spec"]?["hard"]?[resource])?.whole else { continue }
                let used = podsCounted(in: namespace)
                guard used + 1 > limit else { continue }
                throw StatusError.forbidden(
                    .pods, name,
                    "exceeded quota: \(quota.meta.name), requested: \(resource)=1, used: \(resource)=\(used), "
                        + "limited: \(resource)=\(limit)")
            }
        }
    }

    /// The current `status` of a quota.
    func quotaStatus(_ quota: JSON) -> JSON {
        let hard = quota["spec"]?["hard"] ?? [:]
        var used: [String: JSON] = [:]
        for key in (hard.object ?? [:]).keys where Self.counted.contains(key) {
            used[key] = .string(String(podsCounted(in: quota.meta.namespace)))
        }
        return ["hard": hard, "used": .object(used)]
    }

    /// Pods that have ended do not count.
    private func podsCounted(in namespace: String) -> Int {
        list(.pods, namespace: namespace).count {
            !["Succeeded", "Failed"].contains($0[at: "status.phase"]?.string ?? "")
        }
    }
}
