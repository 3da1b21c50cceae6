import Controller
import Kubernetes
import ReleaseMachine
import ViridianConfiguration

extension AppCluster {
    package func pods(of color: Color, for order: Order, desired: Int) -> AsyncThrowingStream<
        PodsObservation, any Error
    > {
        AsyncThrowingStream(bufferingPolicy: .bufferingNewest(64)) { continuation in
            // Owned by the stream: it ends when whoever reads the stream does.
            let watching = Task {
                do {
                    try await clearly {
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

    private enum Sight: Sendable {
        case pods(WatchEvent)
        case warnings(WatchEvent)
        case workload(WatchEvent)
        case tick
    }

    private func watchPods(
        of color: Color,
        for order: Order,
        desired: Int,
        tell: (PodsObservation) -> Void
    ) async throws {
        let clock = SystemClock()
        let (sights, sender) = AsyncThrowingStream.makeStream(of: Sight.self)
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
                // Time alone changes two verdicts: pods that must be steady for a while, and a quota that stays.
                while true {
                    try await clock.sleep(for: .milliseconds(500))
                    sender.yield(.tick)
                }
            }
            var candidate = CandidatePods(order, on: color)
            var picture = PodsPicture(desired: desired, stable: app.ready.stable)
            for try await sight in sights {
                switch sight {
                case .pods(let event): candidate.take(pods: event)
                case .warnings(let event): picture.take(warnings: event)
                case .workload(let event):
                    candidate.take(workload: event)
                    picture.take(workload: event, at: clock.now)
                case .tick: break
                }
                guard candidate.isKnown else { continue }
                picture.take(pods: .snapshot(ResourceList(items: candidate.members, resourceVersion: "")))
                var (seen, crashed) = picture.observation(at: clock.now)
                if case .hopeless(let why, _) = seen.verdict, let crashed {
                    seen.verdict = .hopeless(why, details: await lastWords(of: crashed.pod, crashed.container))
                }
                candidate.complete(&seen)
                tell(seen)
            }
        }
    }

    /// Losing a watch for good (a right taken away) ends the whole observation with that error.
    private func forward(
        _ watch: Watch,
        to sender: AsyncThrowingStream<Sight, any Error>.Continuation,
        as sight: (WatchEvent) -> Sight
    ) async {
        do {
            for try await event in watch { sender.yield(sight(event)) }
        } catch {
            sender.finish(throwing: error)
        }
    }

    /// The last lines that the crashed container wrote, or why they are not to be had.
    private func lastWords(of pod: String, _ container: String) async -> [String] {
        for previous in [true, false] {
            let options = LogOptions(container: container, tailLines: 20, previous: previous)
            guard let log = try? await client.logs(ofPod: pod, namespace: namespace, options) else { continue }
            let lines = log.split(separator: "\n").map(String.init)
            if !lines.isEmpty { return lines }
        }
        return ["(it wrote no log)"]
    }
}
