import Controller
import Kubernetes
import ReleaseMachine
import ViridianConfiguration

/// A quota of the namespace that leaves too little room for the next candidate beside the live colour.
package struct QuotaShortage: Sendable, Hashable {
    package var quota: String
    /// `pods`, `requests.memory`.
    package var resource: String
    package var needed: String
    package var left: String
    /// What the quota would have to allow.
    package var enough: String

    package var sentence: String {
        "the quota \(quota) leaves \(left) of \(resource), and the next candidate needs \(needed) beside the live colour: "
            + "the release would fail"
    }
}

extension AppCluster {
    /// What the next candidate lacks in the namespace's quotas; nothing while both colours exist. Requests that only a LimitRange gives
    /// are not counted.
    package func quotaShortages() async throws -> [QuotaShortage] {
        let live = try await survey().recorded?.color
        if let live, try await workload(live.other) != nil { return [] }
        let model = try await live.asyncMap { try await workload($0) } ?? nil
        let replicas = model?[at: "spec.replicas"]?.count ?? app.replicas
        let spec = try app.template?.object()["spec"] ?? model?[at: "spec.template.spec"] ?? [:]
        var found: [QuotaShortage] = []
        for quota in try await client.list(.resourceQuotas, namespace: namespace).items
        where quota[at: "spec.scopes"] == nil && quota[at: "spec.scopeSelector"] == nil {
            let hard = quota[at: "spec.hard"]
            let used = quota[at: "status.used"]
            for (resource, each, show) in Self.counted {
                guard let limit = Quantity(hard?[resource]) else { continue }
                let taken = Quantity(used?[resource])?.value ?? 0
                let needed = Double(replicas) * each(spec)
                guard needed > limit.value - taken else { continue }
                found.append(
                    QuotaShortage(
                        quota: quota.name ?? "?", resource: resource, needed: show(Quantity(needed)),
                        left: show(Quantity(max(0, limit.value - taken))), enough: show(Quantity(taken + needed))))
            }
        }
        return found
    }

    /// The resources of a quota, how much of each a pod needs, and how it is written.
    private static var counted: [(String, (JSON) -> Double, (Quantity) -> String)] {
        [
            ("pods", { _ in 1 }, { "\($0.whole)" }),
            ("count/pods", { _ in 1 }, { "\($0.whole)" }),
            ("requests.cpu", { $0.podRequests(of: "cpu").value }, { $0.thousandths }),
            ("cpu", { $0.podRequests(of: "cpu").value }, { $0.thousandths }),
            ("requests.memory", { $0.podRequests(of: "memory").value }, { $0.mebibytes }),
            ("memory", { $0.podRequests(of: "memory").value }, { $0.mebibytes }),
        ]
    }
}

extension Optional where Wrapped: Sendable {
    fileprivate func asyncMap<T>(_ transform: (Wrapped) async throws -> T) async rethrows -> T? {
        guard let self else { return nil }
        return try await transform(self)
    }
}
