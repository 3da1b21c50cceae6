import Controller
import NIOConcurrencyHelpers
import ReleaseMachine

/// The server's metrics, in Prometheus' text format. Counters start at zero with the process.
package final class Metrics: Sendable {
    private let families: NIOLockedValueBox<[String: MetricFamily]>
    private let clusters: [String: String]

    /// `clusters` are the names of the apps' clusters, by app; an app in the cluster without a name has none.
    init(version: String, clusters: [String: String] = [:]) {
        self.clusters = clusters
        var families: [String: MetricFamily] = [:]
        for family in Metrics.known { families[family.name] = family }
        families["viridian_build_info"]?.set(1, ["version": version])
        self.families = NIOLockedValueBox(families)
    }

    // MARK: - Updates

    package func count(_ name: String, _ labels: [String: String] = [:], by amount: Double = 1) {
        families.withLockedValue { $0[name]?.add(amount, labels) }
    }

    package func set(_ name: String, _ value: Double, _ labels: [String: String] = [:]) {
        families.withLockedValue { $0[name]?.set(value, labels) }
    }

    package func time(_ name: String, _ length: Duration, _ labels: [String: String] = [:]) {
        families.withLockedValue { $0[name]?.observe(length.inSeconds, labels) }
    }

    /// Updates the metrics of what holds an app's releases, and of what waits.
    func set(holds: Int, queued: Bool, of app: String) {
        set("viridian_locks", Double(holds), ["app": app])
        set("viridian_queue_length", queued ? 1 : 0, ["app": app])
    }

    /// Updates the metrics of a release after an event.
    func observe(_ recorded: RecordedEvent, before: Release, after: Release) {
        let app = after.order.app
        families.withLockedValue { families in
            switch recorded.event {
            case .nodeSwitched:
                if let start = after.spans.last(where: { $0.phase == .switching })?.startedAt {
                    families["viridian_node_switch_seconds"]?.observe((recorded.at - start).inSeconds, ["app": app])
                }
            case .nodeFailed(let step, _):
                families["viridian_node_failures_total"]?.add(1, ["app": app, "step": step.rawValue])
            case .troubled(let effect, _):
                let side = effect.node == nil ? "cluster" : "node"
                families["viridian_retries_total"]?.add(1, ["app": app, "side": side])
            default: break
            }
            for span in after.spans where span.endedAt != nil {
                guard before.spans.last(where: { $0.phase == span.phase })?.endedAt == nil, let end = span.endedAt
                else { continue }
                families["viridian_phase_seconds"]?
                    .observe((end - span.startedAt).inSeconds, ["app": app, "phase": span.phase.rawValue])
            }
            Metrics.set(after, &families)
            guard after.state.hasEnded, !before.state.hasEnded else { return }
            families["viridian_releases_total"]?.add(1, ["app": app, "outcome": after.state.rawValue])
            families["viridian_release_seconds"]?
                .observe(after.elapsed(at: recorded.at).inSeconds, ["app": app, "outcome": after.state.rawValue])
        }
    }

    /// The metrics of an app whose newest release is this one; `nil`: it has none. They are there from the server's start.
    func set(_ latest: Release?, of app: String) {
        families.withLockedValue { families in
            // A counter has to be seen at zero before its first increase can be.
            for outcome in [Release.State.live, .failed, .aborted, .rolledBack] {
                families["viridian_releases_total"]?.add(0, ["app": app, "outcome": outcome.rawValue])
            }
            if let latest { return Metrics.set(latest, &families) }
            for name in ["viridian_release_running", "viridian_release_awaiting"] {
                families[name]?.set(0, ["app": app])
            }
        }
    }

    private static func set(_ latest: Release, _ families: inout [String: MetricFamily]) {
        let app = latest.order.app
        families["viridian_release_running"]?.set(latest.state.hasEnded ? 0 : 1, ["app": app])
        families["viridian_release_awaiting"]?.set(latest.state == .paused ? 1 : 0, ["app": app])
        let pauseEnd = "viridian_release_pause_end_timestamp_seconds"
        if let end = latest.verifyDeadline {
            families[pauseEnd]?.set(Double(end.milliseconds) / 1000, ["app": app])
        } else {
            families[pauseEnd]?.remove(app: app)
        }
    }

    /// Updates the metrics of an app after a check.
    func set(_ observation: AppObservation, drifted: Int, of app: String) {
        families.withLockedValue { families in
            for name in ["viridian_live_info", "viridian_pods_ready", "viridian_pods_desired", "viridian_nodes"] {
                families[name]?.remove(app: app)
            }
            if let live = observation.survey.recorded {
                let labels = ["app": app, "color": live.color.rawValue, "version": live.version]
                families["viridian_live_info"]?.set(1, labels)
            }
            for (color, workload) in observation.survey.workloads {
                let labels = ["app": app, "color": color.rawValue]
                families["viridian_pods_ready"]?.set(Double(workload.ready), labels)
                families["viridian_pods_desired"]?.set(Double(workload.replicas), labels)
            }
            for (color, readings) in Dictionary(grouping: observation.readings, by: { $0.color?.rawValue ?? "unknown" })
            {
                families["viridian_nodes"]?.set(Double(readings.count), ["app": app, "color": color])
            }
            families["viridian_nodes_drifted"]?.set(Double(drifted), ["app": app])
            families["viridian_checked_timestamp_seconds"]?.set(
                Double(observation.at.milliseconds) / 1000, ["app": app])
        }
    }

    /// All metrics, sorted by name, a part at a time: with thousands of apps they are many megabytes.
    func write(_ receive: (String) async throws -> Void) async throws {
        for family in sorted { try await receive(text(of: family)) }
    }

    /// All of it.
    package var text: String { sorted.map(text).joined() }

    private var sorted: [MetricFamily] { families.withLockedValue { $0.values.sorted { $0.name < $1.name } } }

    private func text(of family: MetricFamily) -> String {
        var text = ""
        family.write(to: &text, clusters: clusters)
        return text
    }
}
