import Controller
import Kubernetes
import ReleaseMachine
import ViridianConfiguration

extension AppCluster {
    package func pods(of color: Color, for order: Order, desired: Int) -> AsyncThrowingStream<
        PodsObservation, any Error
    > {
        AsyncThrowingStream(bufferingPolicy: .bufferingNewest(64)) { continuation in
            // The task belongs to the stream and is cancelled with it.
            let watching = Task {
                do {
                    try await reportingMissingRights {
                        try await watchPods(of: color, for: order, desired: desired) { continuation.yield($0) }
                    }
                    continuation.finish()
                } catch {
                    continuation.finish(throwing: error)
                }
            }
            continuation.onTermination = { _ in watching.cancel() }
        }
    }

    private enum Update: Sendable {
        case pods(WatchEvent)
        case warnings(WatchEvent)
        case workload(WatchEvent)
        case tick
    }

    private func watchPods(
        of color: Color,
        for order: Order,
        desired: Int,
        report: (PodsObservation) -> Void
    ) async throws {
        let clock = SystemClock()
        let (updates, sender) = AsyncThrowingStream.makeStream(of: Update.self)
        try await withThrowingTaskGroup(of: Void.self) { group in
            defer { group.cancelAll() }
            let pods = client.watch(.pods, namespace: namespace, labels: selector(color))
            let warnings = client.watch(
                .events,
                namespace: namespace,
                fields: "involvedObject.kind=Pod,type=Warning"
            )
            let workload = client.watch(kind, namespace: namespace, fields: "metadata.name=\(app.workloadName(color))")
            group.addTask { await forward(pods, to: sender) { .pods($0) } }
            group.addTask { await forward(warnings, to: sender) { .warnings($0) } }
            group.addTask { await forward(workload, to: sender) { .workload($0) } }
            group.addTask {
                // Some verdicts change with time alone: pods that must be ready for a while, and quotas that stay exceeded.
                while true {
                    try await clock.sleep(for: .milliseconds(500))
                    sender.yield(.tick)
                }
            }
            var candidate = CandidatePods(order, on: color)
            var snapshot = PodsSnapshot(desired: desired, stable: app.ready.stable)
            for try await update in updates {
                switch update {
                case .pods(let event): candidate.apply(pods: event)
                case .warnings(let event): snapshot.apply(warnings: event)
                case .workload(let event):
                    candidate.apply(workload: event)
                    snapshot.apply(workload: event, at: clock.now)
                case .tick: break
                }
                guard candidate.isKnown else { continue }
                snapshot.apply(pods: .snapshot(ResourceList(items: candidate.members, resourceVersion: "")))
                var (seen, crashed) = snapshot.observation(at: clock.now)
                if case .failed(let why, _) = seen.verdict, let crashed {
                    seen.verdict = .failed(why, details: await lastLogLines(of: crashed.pod, crashed.container))
                }
                candidate.addEvidence(to: &seen)
                report(seen)
            }
        }
    }

    /// A watch that fails for good (after a right was revoked) ends the whole observation with its error.
    private func forward(
        _ watch: Watch,
        to sender: AsyncThrowingStream<Update, any Error>.Continuation,
        as update: (WatchEvent) -> Update
    ) async {
        do {
            for try await event in watch { sender.yield(update(event)) }
        } catch {
            sender.finish(throwing: error)
        }
    }

    /// The last log lines of a crashed container; a note if there are none.
    private func lastLogLines(of pod: String, _ container: String) async -> [String] {
        for previous in [true, false] {
            let options = LogOptions(container: container, tailLines: 20, previous: previous)
            guard let log = try? await client.logs(ofPod: pod, namespace: namespace, options) else { continue }
            let lines = log.split(separator: "\n").map(String.init)
            if !lines.isEmpty { return lines }
        }
        return ["(the container wrote no log)"]
    }
}
