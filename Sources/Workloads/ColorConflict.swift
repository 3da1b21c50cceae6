import Controller
import Kubernetes
import ReleaseMachine
import ViridianConfiguration

/// Something in a pod template that keeps pods of one colour from becoming ready while the other colour's pods exist, as in every
/// release.
package struct ColorConflict: Sendable, Hashable {
    package var sentence: String
    package var fix: String
    /// True if no pod of the candidate can become ready; false if some may, depending on the machine or on other components.
    package var isCertain: Bool
}

extension AppCluster {
    /// The conflicts of the app's next candidate with the live colour.
    package func colorConflicts() async throws -> [ColorConflict] {
        guard let color = try await survey().recorded?.color, let live = try await workload(color) else { return [] }
        let template = try app.template?.object() ?? live[at: "spec.template"] ?? [:]
        return try await colorConflicts(of: template, on: color.other, beside: live)
    }

    /// The conflicts of a candidate's pod template with the live workload.
    func colorConflicts(of template: JSON, on candidate: Color, beside live: JSON?) async throws -> [ColorConflict] {
        guard let live, live[at: "spec.replicas"]?.count ?? 1 > 0 else { return [] }
        let spec = template["spec"] ?? [:]
        var conflicts: [ColorConflict] = []
        let shared = Set(spec.volumeClaims).intersection(live[at: "spec.template.spec"]?.volumeClaims ?? [])
        for claim in shared.sorted() {
            if let conflict = try await conflict(over: claim, spec, on: candidate) { conflicts.append(conflict) }
        }
        return conflicts + gateConflicts(spec, on: candidate)
    }

    /// - Returns: warnings about possible conflicts.
    /// - Throws: `Refusal` for a certain conflict.
    func refuseConflicts(of candidate: JSON, on color: Color, beside live: JSON?) async throws -> [String] {
        let conflicts = try await colorConflicts(
            of: candidate[at: "spec.template"] ?? [:], on: color, beside: live)
        if let conflict = conflicts.first(where: \.isCertain) {
            throw Refusal(conflict.sentence, details: ["to fix: \(conflict.fix)"])
        }
        return conflicts.map { "Warning: \($0.sentence)" }
    }

    // MARK: - Volumes

    private func conflict(over claim: String, _ spec: JSON, on candidate: Color) async throws -> ColorConflict? {
        let live = candidate.other
        let fix = "give each colour its own claim, or use one with ReadWriteMany for both"
        let modes: Set<String>
        do {
            guard let object = try await find(.persistentVolumeClaims, claim) else { return nil }
            let found = object[at: "status.accessModes"]?.array ?? object[at: "spec.accessModes"]?.array ?? []
            modes = Set(found.compactMap(\.string))
        } catch let error as KubernetesError where error.isDenied {
            return ColorConflict(
                sentence:
                    "both colours use the volume claim \(claim), which could not be read: if it is ReadWriteOnce, pods of "
                    + "\(candidate) can start only on the machine of \(live)'s pods (\(error))",
                fix: fix, isCertain: false)
        }
        if modes == ["ReadWriteOncePod"] {
            return ColorConflict(
                sentence:
                    "the volume claim \(claim) is ReadWriteOncePod, and \(live)'s pod uses it: no pod of \(candidate) "
                    + "can start at the same time",
                fix: fix, isCertain: true)
        }
        guard !modes.isEmpty, modes.isSubset(of: ["ReadWriteOnce", "ReadWriteOncePod"]) else { return nil }
        let pods = try await client.list(.pods, namespace: namespace, labels: selector(live)).items
        let holders = pods.filter { $0[at: "spec.nodeName"]?.string != nil && !$0.isBeingDeleted }
        let machines = Set(holders.compactMap { $0[at: "spec.nodeName"]?.string }).sorted()
        guard !machines.isEmpty else { return nil }
        let place = machines.joined(separator: ", ")
        let isExcluded =
            holders.contains { spec.excludesMachine(of: $0) }
            || spec["nodeName"]?.string.map { !machines.contains($0) } ?? false
        return ColorConflict(
            sentence: "the volume claim \(claim) is ReadWriteOnce, and \(live)'s pods on \(place) use it: "
                + (isExcluded
                    ? "pods of \(candidate) are not allowed on that machine and cannot start on another"
                    : "pods of \(candidate) can start only on that machine"),
            fix: fix, isCertain: isExcluded)
    }

    // MARK: - Readiness gates

    private func gateConflicts(_ spec: JSON, on candidate: Color) -> [ColorConflict] {
        (spec["readinessGates"]?.array ?? []).compactMap { $0["conditionType"]?.string }.map { gate in
            let isTargetGroup = gate.hasPrefix("target-health.")
            return ColorConflict(
                sentence: "pods of \(candidate) wait for the readiness gate \(gate)"
                    + (isTargetGroup
                        ? ", which the load balancer sets only for pods of its target group: if that is the live colour's, "
                            + "no pod of \(candidate) becomes ready"
                        : ", which must be set for \(candidate) too"),
                fix: "remove the gate from the pod template, or make sure that it is set for both colours",
                isCertain: false)
        }
    }
}

extension JSON {
    /// The names of the claims that a pod spec's volumes use.
    fileprivate var volumeClaims: [String] {
        (self["volumes"]?.array ?? []).compactMap { $0[at: "persistentVolumeClaim.claimName"]?.string }
    }

    /// Whether this pod spec forbids the machine of the other pod (required `podAntiAffinity` by host name).
    fileprivate func excludesMachine(of pod: JSON) -> Bool {
        let path = "affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution"
        let labels = pod[at: "metadata.labels"]?.object ?? [:]
        return (self[at: path]?.array ?? []).contains { rule in
            guard rule["topologyKey"]?.string == "kubernetes.io/hostname", rule["namespaceSelector"] == nil,
                rule[at: "labelSelector.matchExpressions"] == nil,
                let wanted = rule[at: "labelSelector.matchLabels"]?.object
            else { return false }
            return wanted.allSatisfy { labels[$0.key] == $0.value }
        }
    }
}
