import Foundation
import Kubernetes
import Logging
import NIOConcurrencyHelpers

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The services that the pods of a node share.
struct NodeServices: Sendable {
    let store: ObjectStore
    let events: EventRecorder
    let images: ImageCatalog
    let logs: ContainerLogs
    let proxy: ServiceProxy
    let addresses: AddressPool
    let processes: ProcessGuard
    let backoff: BackoffTimes
    let logger: Logger
}

/// Runs a pod from its assignment to the node until it has ended.
actor PodRunner {
    nonisolated let pod: JSON
    nonisolated let services: NodeServices
    /// Set when the containers must stop.
    nonisolated let stopping = Latch()
    /// Set when all containers have ended.
    nonisolated let finished = Latch()

    private var state: PodState
    private var running: [String: Int32] = [:]
    /// Counts the writes of the state, so that a delayed write does not replace a newer one.
    private var writes = 0
    private nonisolated let written = NIOLockedValueBox(0)
    private let changes: AsyncStream<Void>
    private let changed: AsyncStream<Void>.Continuation

    init(_ pod: JSON, _ services: NodeServices) {
        self.pod = pod
        self.services = services
        state = PodState(pod)
        (changes, changed) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    }

    nonisolated var key: ObjectKey { pod.meta.key }
    nonisolated var policy: String { pod[at: "spec.restartPolicy"]?.string ?? "Always" }
    /// The pod's name in the kubelet's messages: `NAME_NAMESPACE(UID)`.
    nonisolated var title: String { "\(key.name)_\(key.namespace)(\(pod.meta.uid))" }
    var address: String { state.address ?? "" }

    // MARK: - Running

    /// Returns when the pod has ended: its containers will not restart, or it was stopped.
    func run() async {
        guard let address = await services.addresses.allocate() else {
            await record(.warning, "FailedCreatePodSandBox", "Failed to create pod sandbox: no free pod address")
            finished.set()
            return
        }
        state.address = address
        state.started = Date()
        changed.yield()
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.publishChanges() }
            await runContainers()
            changed.finish()
        }
        await publish()
        await services.addresses.release(address)
        finished.set()
    }

    private func runContainers() async {
        for container in pod[at: "spec.initContainers"]?.array ?? [] {
            await ContainerRunner(pod: self, container: container, isInit: true).run()
            let name = container["name"]?.string
            guard state.initContainers.first(where: { $0.name == name })?.ending?.exitCode == 0 else { return }
        }
        for index in state.containers.indices {
            state.containers[index].phase = .waiting(reason: "ContainerCreating", message: nil)
        }
        await withDiscardingTaskGroup { group in
            for container in pod[at: "spec.containers"]?.array ?? [] {
                group.addTask { await ContainerRunner(pod: self, container: container, isInit: false).run() }
            }
        }
    }

    /// Stops the pod as the kubelet does: it is removed from the endpoints, then stopped, then killed after `grace`.
    ///
    /// A second call can shorten the grace period.
    func terminate(grace: Duration) async {
        let deadline = ContinuousClock.now + grace
        if !stopping.isSet {
            state.isTerminating = true
            await publish()
            await services.proxy.withdraw(pod, services.store)
            stopping.set()
        }
        if await !finished.wait(atMost: ContinuousClock.now.duration(to: deadline)) {
            for pid in running.values { kill(-pid, SIGKILL) }
        }
        await finished.wait()
    }

    // MARK: - State

    func update(_ container: String, isInit: Bool, _ change: (inout ContainerState) -> Void) {
        if isInit {
            guard let index = state.initContainers.firstIndex(where: { $0.name == container }) else { return }
            change(&state.initContainers[index])
        } else {
            guard let index = state.containers.firstIndex(where: { $0.name == container }) else { return }
            change(&state.containers[index])
        }
        changed.yield()
    }

    func started(_ container: String, pid: Int32) { running[container] = pid }

    func pid(of container: String) -> Int32? { running[container] }

    func ended(_ container: String) {
        if let pid = running.removeValue(forKey: container) { services.processes.ended(pid) }
    }

    /// Sends a signal to a container's main process, or to all its processes.
    func signal(_ container: String, _ number: Int32, toAll: Bool = false) {
        guard let pid = running[container] else { return }
        kill(toAll ? -pid : pid, number)
    }

    private func publishChanges() async {
        for await _ in changes { await publish() }
    }

    /// Writes the current state to the pod's status.
    private func publish() async {
        let state = state
        let uid = pod.meta.uid
        writes += 1
        let number = writes
        await services.store.perform { objects in
            let isLatest = written.withLockedValue { latest in
                defer { latest = max(latest, number) }
                return number > latest
            }
            guard isLatest, objects.find(.pods, key)?.meta.uid == uid else { return }
            _ = try? objects.update(.pods, key, .status) { pod in
                var changed = pod
                changed["status"] = state.status(of: pod)
                return changed
            }
        }
    }

    nonisolated func record(
        _ level: EventRecorder.Level, _ reason: String, _ message: String, container: String? = nil,
        isInit: Bool = false
    ) async {
        let list = isInit ? "initContainers" : "containers"
        await services.events.record(
            pod, .pods, level, reason, message, component: "kubelet", field: container.map { "spec.\(list){\($0)}" })
    }
}
