import Controller
import Foundation
import Kubernetes
import ReleaseMachine
import ViridianConfiguration

/// The cluster has deleted a workload and has not come to its pods: its garbage collector is behind, or does not run.
struct PodsNotTold: Error, CustomStringConvertible {
    var workload: String
    var pods: [String]

    var description: String {
        "\(counted(pods.count, "pod")) of \(workload) \(pods.count == 1 ? "was" : "were") not told to end, though it is deleted: "
            + "\(pods.joined(separator: ", ")). Does the cluster's controller manager run?"
    }
}

/// Pods that a deleted workload left, and that end when their grace period is over; or never, where their machine is lost.
extension AppCluster {
    /// How many pods of the colour's former workloads are there still, as soon as all of them have been told to end. Whoever deleted
    /// the workload need not wait for more.
    /// - Throws: `PodsNotTold` when the cluster's garbage collector has not come to them in a while.
    func podsTerminating(_ color: Color) async throws -> Int {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await watchLeft(color) { left in left.allSatisfy(\.isBeingDeleted) } }
            group.addTask { try await Task.sleep(for: lateness) }
            defer { group.cancelAll() }
            try await group.next()
        }
        let left = try await podsLeft(color)
        let untold = left.filter { !$0.isBeingDeleted }.compactMap(\.name)
        guard untold.isEmpty else { throw PodsNotTold(workload: app.workloadName(color), pods: untold) }
        return left.count
    }

    /// Waits for the pods that a workload of the colour left, and for `others`. Pods that merely carry its labels are somebody else's.
    /// - Throws: `Refusal` with pods and machines, when their grace period has been over for a while.
    func waitForPodsGone(
        _ color: Color, and others: Set<String> = [], atMost most: Duration, tell: (CreationNews) -> Void
    ) async throws {
        let present = try await podsLeft(color, and: others)
        guard !present.isEmpty else { return }
        let limit = min(present.map { $0.grace(at: Date()) }.max() ?? .zero, most) + lateness
        let names = present.map { ($0.name ?? "?") + ($0.machine.map { " on \($0)" } ?? "") }
        tell(
            .waiting(
                "Waiting for \(counted(present.count, "pod")) that \(color) had before to end: "
                    + names.joined(separator: ", "), atMost: limit))
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await watchLeft(color, and: others, until: \.isEmpty) }
            group.addTask {
                try await Task.sleep(for: limit)
                let left = try await podsLeft(color, and: others)
                if !left.isEmpty { throw podsStay(left, color) }
            }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    /// Waits until a workload that is being deleted is gone.
    /// - Throws: `Refusal` with what keeps it, after a while.
    func waitUntilGone(_ object: JSON) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await watchGoing(object) }
            group.addTask {
                try await Task.sleep(for: lateness)
                let left = try await find(object.workloadResource, object.name ?? "")
                guard let left, left.uid == object.uid else { return }
                let keepers = (left[at: "metadata.finalizers"]?.array ?? []).compactMap(\.string)
                throw Refusal(
                    "\(left.workloadResource.kind) \(left.name ?? "?") is being deleted and does not go",
                    details: [
                        keepers.isEmpty
                            ? "to fix: see whether the cluster's controller manager runs"
                            : "to fix: see who takes away its finalizers: \(keepers.joined(separator: ", "))"
                    ])
            }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    private func watchGoing(_ object: JSON) async throws {
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

    // MARK: - Looking

    private func isLeft(_ pod: JSON, _ color: Color, _ others: Set<String>) -> Bool {
        pod.isPod(ofWorkloadCalled: app.workloadName(color)) || others.contains(pod.uid ?? "")
    }

    private func podsLeft(_ color: Color, and others: Set<String> = []) async throws -> [JSON] {
        try await client.list(.pods, namespace: namespace, labels: selector(color)).items
            .filter { isLeft($0, color, others) }.sorted { $0.name ?? "" < $1.name ?? "" }
    }

    private func watchLeft(
        _ color: Color, and others: Set<String> = [], until isEnough: ([JSON]) -> Bool
    ) async throws {
        var present: [String: JSON] = [:]
        for try await event in client.watch(.pods, namespace: namespace, labels: selector(color)) {
            switch event {
            case .snapshot(let list):
                let left = list.items.filter { isLeft($0, color, others) }
                present = Dictionary(left.map { ($0.uid ?? "", $0) }) { $1 }
            case .added(let pod), .modified(let pod): if isLeft(pod, color, others) { present[pod.uid ?? ""] = pod }
            case .deleted(let pod): present[pod.uid ?? ""] = nil
            case .interrupted: continue
            }
            if isEnough(Array(present.values)) { return }
        }
    }

    private func podsStay(_ pods: [JSON], _ color: Color) -> Refusal {
        let details = pods.map { pod in
            let place = pod.machine.map { " on \($0)" } ?? ""
            return "\(pod.name ?? "?")\(place) "
                + (pod[at: "metadata.deletionTimestamp"]?.string.map { "had until \($0) to end" }
                    ?? "was not told to end, though \(pod.owner.map { "\($0)" } ?? "its owner") is gone")
        }
        let names = pods.map { $0.name ?? "?" }.joined(separator: " ")
        let machines = Set(pods.compactMap(\.machine)).sorted().joined(separator: ", ")
        return Refusal(
            "\(counted(pods.count, "pod")) that \(color) had before \(pods.count == 1 ? "does" : "do") not end, and would answer at "
                + "its port",
            details: details + [
                "to fix: see whether \(machines.isEmpty ? "their machines" : machines) "
                    + "\(Set(pods.compactMap(\.machine)).count == 1 ? "is" : "are") up; when lost for good: "
                    + "kubectl -n \(namespace) delete pod \(names) --grace-period=0 --force"
            ])
    }
}

extension JSON {
    /// How long a pod has to end: what is left of its grace period, or all of it while nobody has told it. The API server's clock may
    /// be another, so that the period itself is the bound.
    fileprivate func grace(at now: Date) -> Duration {
        // Longer than a day is a mistake, or as good as for ever.
        func bounded(_ seconds: Int) -> Int { min(max(seconds, 0), 86_400) }
        guard let end = self[at: "metadata.deletionTimestamp"]?.string.flatMap(KubernetesTime.parse) else {
            return .seconds(bounded(self[at: "spec.terminationGracePeriodSeconds"]?.integer ?? 30))
        }
        let period = bounded(self[at: "metadata.deletionGracePeriodSeconds"]?.integer ?? 30)
        let left = min(max(end.timeIntervalSince(now), 0), 86_400)
        return .seconds(min(period, Int(left.rounded(.up))))
    }
}
