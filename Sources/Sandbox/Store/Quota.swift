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

/// A quantity in the API's notation: `3`, `250m`, `64Mi`, `1G`.
struct Quantity {
    var value: Double

    var whole: Int { Int(bounded: value.rounded(.up)) }

    init?(_ json: JSON?) {
        if let number = json?.integer {
            value = Double(number)
            return
        }
        guard let text = json?.string else { return nil }
        let units: [(String, Double)] = [
            ("Ki", 1024), ("Mi", 1_048_576), ("Gi", 1_073_741_824), ("Ti", 1_099_511_627_776),
            ("m", 0.001), ("k", 1_000), ("M", 1_000_000), ("G", 1_000_000_000), ("T", 1_000_000_000_000),
        ]
        let unit = units.first { text.hasSuffix($0.0) }
        guard let number = Double(text.dropLast(unit?.0.count ?? 0)) else { return nil }
        value = number * (unit?.1 ?? 1)
    }
}
