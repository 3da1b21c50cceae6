import Controller
import Foundation
import Kubernetes
import ReleaseMachine
import ViridianConfiguration

/// The workload is deleted but its pods are not terminating: the cluster's garbage collector is late or does not run.
struct PodsNotTerminating: Error, CustomStringConvertible {
    var workload: String
    var pods: [String]

    var description: String {
        "\(workload) is deleted, but \(counted(pods.count, "pod")) of it \(pods.count == 1 ? "is" : "are") not terminating: "
            + "\(pods.joined(separator: ", ")). Check that the cluster's controller manager runs"
    }
}

/// Pods of a deleted workload: they terminate within their grace period, or never if their machine is lost.
extension AppCluster {
    /// Waits until all pods of the colour's former workloads are terminating, and counts those that still exist.
    /// - Throws: `PodsNotTerminating` when some are not terminating after `deletionTolerance`.
    func podsTerminating(_ color: Color) async throws -> Int {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                try await watchRemainingPods(color) { remaining in remaining.allSatisfy(\.isBeingDeleted) }
            }
            group.addTask { try await Task.sleep(for: deletionTolerance) }
            defer { group.cancelAll() }
            try await group.next()
        }
        let left = try await remainingPods(color)
        let notTerminatingPods = left.filter { !$0.isBeingDeleted }.compactMap(\.name)
        guard notTerminatingPods.isEmpty else {
            throw PodsNotTerminating(workload: app.workloadName(color), pods: notTerminatingPods)
        }
        return left.count
    }

    /// Waits until the pods of the colour's former workloads, and `others`, are gone. Pods that only have the colour's labels do not count.
    /// - Throws: `Refusal` with pods and machines when they exist longer than their grace period and `deletionTolerance`.
    func waitForPodsGone(
        _ color: Color, and others: Set<String> = [], atMost most: Duration, report: (CreationProgress) -> Void
    ) async throws {
        let present = try await remainingPods(color, and: others)
        guard !present.isEmpty else { return }
        let limit = min(present.map { $0.remainingGracePeriod(at: Date()) }.max() ?? .zero, most) + deletionTolerance
        let names = present.map { ($0.name ?? "?") + ($0.machine.map { " on \($0)" } ?? "") }
        report(
            .waiting(
                "Waiting for \(counted(present.count, "former pod")) of \(color) to terminate: "
                    + names.joined(separator: ", "), atMost: limit))
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await watchRemainingPods(color, and: others, until: \.isEmpty) }
            group.addTask {
                try await Task.sleep(for: limit)
                let left = try await remainingPods(color, and: others)
                if !left.isEmpty { throw notTerminating(left, color) }
            }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    /// Waits until a workload that is being deleted is gone.
    /// - Throws: `Refusal` with its finalizers when it still exists after `deletionTolerance`.
    func waitUntilGone(_ object: JSON) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await watchDeletion(object) }
            group.addTask {
                try await Task.sleep(for: deletionTolerance)
                let left = try await find(object.workloadResource, object.name ?? "")
                guard let left, left.uid == object.uid else { return }
                let finalizers = (left[at: "metadata.finalizers"]?.array ?? []).compactMap(\.string)
                throw Refusal(
                    "\(left.workloadResource.kind) \(left.name ?? "?") was deleted but still exists",
                    details: [
                        finalizers.isEmpty
                            ? "to fix: check that the cluster's controller manager runs"
                            : "to fix: check the controllers that remove its finalizers: \(finalizers.joined(separator: ", "))"
                    ])
            }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    private func watchDeletion(_ object: JSON) async throws {
        guard let name = object.name else { return }
        let watch = client.watch(object.workloadResource, namespace: namespace, fields: "metadata.name=\(name)")
        for try await event in watch {
            switch event {
            case .snapshot(let list) where !list.items.contains { $0.uid == object.uid }: return
            case .deleted(let gone) where gone.uid == object.uid: return
            default: continue
            }
        }
    }

    // MARK: - Reading

    private func isRemaining(_ pod: JSON, _ color: Color, _ others: Set<String>) -> Bool {
        (pod.isPod(ofWorkloadCalled: app.workloadName(color)) || others.contains(pod.uid ?? "")) && !pod.hasStopped
    }

    private func remainingPods(_ color: Color, and others: Set<String> = []) async throws -> [JSON] {
        try await client.list(.pods, namespace: namespace, labels: selector(color)).items
            .filter { isRemaining($0, color, others) }.sorted { $0.name ?? "" < $1.name ?? "" }
    }

    private func watchRemainingPods(
        _ color: Color, and others: Set<String> = [], until isEnough: ([JSON]) -> Bool
    ) async throws {
        var present: [String: JSON] = [:]
        for try await event in client.watch(.pods, namespace: namespace, labels: selector(color)) {
            switch event {
            case .snapshot(let list):
                let left = list.items.filter { isRemaining($0, color, others) }
                present = Dictionary(left.map { ($0.uid ?? "", $0) }) { $1 }
            case .added(let pod), .modified(let pod):
                present[pod.uid ?? ""] = isRemaining(pod, color, others) ? pod : nil
            case .deleted(let pod): present[pod.uid ?? ""] = nil
            case .interrupted, .resumed: continue
            }
            if isEnough(Array(present.values)) { return }
        }
    }

    private func notTerminating(_ pods: [JSON], _ color: Color) -> Refusal {
        let details = pods.map { pod in
            let place = pod.machine.map { " on \($0)" } ?? ""
            return "\(pod.name ?? "?")\(place) "
                + (pod[at: "metadata.deletionTimestamp"]?.string.map { "should have terminated by \($0)" }
                    ?? "is not terminating, though \(pod.owner.map { "\($0)" } ?? "its owner") is deleted")
        }
        let names = pods.map { $0.name ?? "?" }.joined(separator: " ")
        let machines = Set(pods.compactMap(\.machine)).sorted().joined(separator: ", ")
        return Refusal(
            "\(counted(pods.count, "former pod")) of \(color) \(pods.count == 1 ? "does" : "do") not terminate and would receive "
                + "requests for \(color)",
            details: details + [
                "to fix: check that \(machines.isEmpty ? "their machines" : machines) "
                    + "\(Set(pods.compactMap(\.machine)).count == 1 ? "is" : "are") up; if lost for good: "
                    + "kubectl -n \(namespace) delete pod \(names) --grace-period=0 --force"
            ])
    }
}

extension JSON {
    /// Whether a pod is being deleted and none of its containers runs any more. Such a pod receives no requests and starts no container
    /// again. Its object may stay for another minute, until the kubelet's next sync (`syncFrequency`, 1 min). Kubelets report the
    /// containers as terminated or, up to 1.21, as waiting.
    var hasStopped: Bool {
        guard isBeingDeleted, !hasTrue("Ready") else { return false }
        let expected = self[at: "spec.containers"]?.array?.count ?? 0
        let reported = self[at: "status.containerStatuses"]?.array?.count ?? 0
        return expected > 0 && reported == expected && !PodContainer.all(in: self).contains(where: \.isRunning)
    }

    /// The rest of a terminating pod's grace period, or the whole period of another pod. It is never longer than the period, because the
    /// API server's clock may differ from this machine's.
    fileprivate func remainingGracePeriod(at now: Date) -> Duration {
        // Bounded to one day.
        func bounded(_ seconds: Int) -> Int { min(max(seconds, 0), 86_400) }
        guard let end = self[at: "metadata.deletionTimestamp"]?.string.flatMap(KubernetesTime.parse) else {
            return .seconds(bounded(self[at: "spec.terminationGracePeriodSeconds"]?.integer ?? 30))
        }
        let period = bounded(self[at: "metadata.deletionGracePeriodSeconds"]?.integer ?? 30)
        let left = min(max(end.timeIntervalSince(now), 0), 86_400)
        return .seconds(min(period, Int(left.rounded(.up))))
    }
}
