import Controller
import Kubernetes
import ReleaseMachine
import ViridianConfiguration

/// Pods that were asked to end and are there still: their grace period is long, or their machine does not answer.
struct PodsLeft: Error, CustomStringConvertible {
    var names: [String]

    var description: String {
        "\(names.count) pods were asked to end and have not yet: \(names.sorted().joined(separator: ", "))"
    }
}

extension AppCluster {
    /// Waits for the pods that a workload of the colour left. Pods that merely carry its labels are somebody else's.
    /// - Throws: `PodsLeft` after a while, so that whoever tries again can say what it waits for.
    func waitForPodsGone(_ color: Color) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await watchPodsGo(color) }
            group.addTask {
                try await Task.sleep(for: .seconds(20))
                let pods = try await client.list(.pods, namespace: namespace, labels: selector(color)).items
                let left = pods.filter { owns($0, color) }.compactMap(\.name)
                if !left.isEmpty { throw PodsLeft(names: left) }
            }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    private func watchPodsGo(_ color: Color) async throws {
        var present: Set<String> = []
        for try await event in client.watch(.pods, namespace: namespace, labels: selector(color)) {
            switch event {
            case .snapshot(let list): present = Set(list.items.filter { owns($0, color) }.compactMap(\.uid))
            case .added(let pod): if owns(pod, color) { present.formUnion([pod.uid].compactMap { $0 }) }
            case .deleted(let pod): present.subtract([pod.uid].compactMap { $0 })
            case .modified, .interrupted: continue
            }
            if present.isEmpty { return }
        }
    }

    private func owns(_ pod: JSON, _ color: Color) -> Bool {
        let owner = pod[at: "metadata.ownerReferences"]?.array?.first { $0["controller"]?.bool == true }
        let name = owner?["name"]?.string ?? ""
        switch owner?["kind"]?.string {
        case "ReplicationController": return name == app.workloadName(color)
        // A Deployment's replica sets are called by its name and a hash.
        case "ReplicaSet": return name.hasPrefix(app.workloadName(color) + "-")
        default: return false
        }
    }
}
