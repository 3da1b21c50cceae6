import Foundation
import Kubernetes

/// Runs the pods assigned to the node.
actor Kubelet {
    private let services: NodeServices
    private let node: String
    private var runners: [String: PodRunner] = [:]
    private var isStopped = false

    init(_ services: NodeServices, node: String) {
        self.services = services
        self.node = node
    }

    /// Watches and runs the node's pods until cancelled.
    func run() async {
        var filter = ObjectFilter()
        filter.fields.requirements = [.init(path: "spec.nodeName", value: node, negated: false)]
        let events = await services.store.watch(.pods, filter)
        await withDiscardingTaskGroup { group in
            for await event in events {
                let pod = event.object
                let uid = pod.meta.uid
                if event.kind == .deleted {
                    guard let runner = removeRunner(uid) else { continue }
                    group.addTask {
                        // The object was removed by force: kill the pod.
                        await runner.terminate(grace: .zero)
                        await self.services.logs.remove(pod: uid)
                    }
                } else if pod.meta.isDeleting {
                    let runner = runners[uid]
                    let grace = Duration.bounded(
                        seconds: pod[at: "metadata.deletionGracePeriodSeconds"]?.integer ?? 30)
                    group.addTask {
                        await runner?.terminate(grace: grace)
                        await self.remove(pod)
                    }
                } else if runners[uid] == nil, !pod.hasEnded, !isStopped {
                    let runner = PodRunner(pod, services)
                    runners[uid] = runner
                    group.addTask { await runner.run() }
                }
            }
        }
    }

    func process(pod uid: String, container: String) async -> Int32? { await runners[uid]?.pid(of: container) }

    private func removeRunner(_ uid: String) -> PodRunner? { runners.removeValue(forKey: uid) }

    /// Deletes a pod's object for good after its processes have ended.
    private func remove(_ pod: JSON) async {
        await services.store.perform { objects in
            guard objects.find(.pods, pod.meta.key)?.meta.uid == pod.meta.uid else { return }
            // A pod with finalizers stays until the last of them is removed.
            _ = try? objects.delete(.pods, pod.meta.key, DeleteOptions(gracePeriod: 0))
        }
    }

    /// Stops all pods. Returns when their processes have ended.
    ///
    /// - Parameter grace: the time after which they are killed.
    func stop(grace: Duration) async {
        isStopped = true
        let runners = Array(runners.values)
        await withDiscardingTaskGroup { group in
            for runner in runners { group.addTask { await runner.terminate(grace: grace) } }
        }
    }
}
