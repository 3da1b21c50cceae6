import Controller
import Kubernetes
import ReleaseMachine
import ViridianConfiguration

/// Something in a pod template that keeps pods of one colour from being ready while the other colour's are there, as they are in
/// every release.
package struct ColorConflict: Sendable, Hashable {
    package var sentence: String
    package var fix: String
    /// No pod of the candidate would ever be ready; otherwise some may, on the right machine or with the right helper.
    package var isCertain: Bool
}

extension AppCluster {
    /// Those of the app's next candidate beside the colour that is live now.
    package func colorConflicts() async throws -> [ColorConflict] {
        guard let color = try await survey().recorded?.color, let live = try await workload(color) else { return [] }
        let template = try app.template?.object() ?? live[at: "spec.template"] ?? [:]
        return try await colorConflicts(of: template, on: color.other, beside: live)
    }

    /// Those of a candidate's pod template. Nothing has been made yet.
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

    /// - Returns: what may keep the candidate's pods from being ready.
    /// - Throws: `Refusal` for what surely does.
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
        let fix = "give each colour a claim of its own, or one with ReadWriteMany to both"
        let modes: Set<String>
        do {
            guard let object = try await find(.persistentVolumeClaims, claim) else { return nil }
            let found = object[at: "status.accessModes"]?.array ?? object[at: "spec.accessModes"]?.array ?? []
            modes = Set(found.compactMap(\.string))
        } catch let error as KubernetesError where error.isDenied {
            return ColorConflict(
                sentence:
                    "both colours use the volume claim \(claim), which could not be looked at: if it is ReadWriteOnce, "
                    + "pods of \(candidate) start only on the machine where \(live)'s are (\(error))",
                fix: fix, isCertain: false)
        }
        if modes == ["ReadWriteOncePod"] {
            return ColorConflict(
                sentence:
                    "the volume claim \(claim) is ReadWriteOncePod, and \(live)'s pod uses it: no pod of \(candidate) "
                    + "can start beside that",
                fix: fix, isCertain: true)
        }
        guard !modes.isEmpty, modes.isSubset(of: ["ReadWriteOnce", "ReadWriteOncePod"]) else { return nil }
        let pods = try await client.list(.pods, namespace: namespace, labels: selector(live)).items
        let holders = pods.filter { $0[at: "spec.nodeName"]?.string != nil && !$0.isBeingDeleted }
        let machines = Set(holders.compactMap { $0[at: "spec.nodeName"]?.string }).sorted()
        guard !machines.isEmpty else { return nil }
        let place = machines.joined(separator: ", ")
        let isKeptOff =
            holders.contains { spec.keepsOffMachine(of: $0) }
            || spec["nodeName"]?.string.map { !machines.contains($0) } ?? false
        return ColorConflict(
            sentence: "the volume claim \(claim) is ReadWriteOnce, and \(live)'s pods on \(place) use it: "
                + (isKeptOff
                    ? "pods of \(candidate) may not be on that machine, and cannot start on another"
                    : "pods of \(candidate) start only on that machine"),
            fix: fix, isCertain: isKeptOff)
    }

    // MARK: - Readiness gates

    private func gateConflicts(_ spec: JSON, on candidate: Color) -> [ColorConflict] {
        (spec["readinessGates"]?.array ?? []).compactMap { $0["conditionType"]?.string }.map { gate in
            let isTargetGroup = gate.hasPrefix("target-health.")
            return ColorConflict(
                sentence: "pods of \(candidate) wait for the readiness gate \(gate)"
                    + (isTargetGroup
                        ? ", which the load balancer sets for pods of its target group alone: if that is the live colour's, "
                            + "none of \(candidate) is ever ready"
                        : ", which somebody has to set for \(candidate) too"),
                fix: "take the gate out of the pod template, or see that both colours get it", isCertain: false)
        }
    }
}

extension JSON {
    /// The names of the claims that a pod spec's volumes use.
    fileprivate var volumeClaims: [String] {
        (self["volumes"]?.array ?? []).compactMap { $0[at: "persistentVolumeClaim.claimName"]?.string }
    }

    /// Whether this pod spec forbids the machine that the other pod is on (`podAntiAffinity`, required, by host name).
    fileprivate func keepsOffMachine(of pod: JSON) -> Bool {
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
