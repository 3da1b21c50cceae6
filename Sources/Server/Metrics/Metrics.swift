import Controller
import NIOConcurrencyHelpers
import ReleaseMachine

/// What the server counts, in Prometheus' text format.
///
/// Counters begin at nothing with the process, as Prometheus expects it.
package final class Metrics: Sendable {
    private let families: NIOLockedValueBox<[String: MetricFamily]>

    init(version: String) {
        var families: [String: MetricFamily] = [:]
        for family in Metrics.known { families[family.name] = family }
        families["viridian_build_info"]?.set(1, ["version": version])
        self.families = NIOLockedValueBox(families)
    }

    private static let phaseBuckets = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600]
    private static let fastBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

    private static let known: [MetricFamily] = [
        MetricFamily("viridian_build_info", .gauge, "The running version."),
        MetricFamily("viridian_releases_total", .counter, "Releases that ended, by app and outcome."),
        MetricFamily("viridian_release_running", .gauge, "1 while a release of the app has not ended."),
        MetricFamily("viridian_release_awaiting", .gauge, "1 while a release waits for a person."),
        MetricFamily("viridian_release_seconds", .histogram(phaseBuckets), "From a release's request to its end."),
        MetricFamily("viridian_phase_seconds", .histogram(phaseBuckets), "How long releases were in each phase."),
        MetricFamily(
            "viridian_node_switch_seconds", .histogram(fastBuckets),
            "From the order to switch to a node's verified switch."),
        MetricFamily("viridian_node_failures_total", .counter, "Nodes that could not do a step."),
        MetricFamily("viridian_troubles_total", .counter, "Effects that did not work out and were tried again."),
        MetricFamily("viridian_look_failures_total", .counter, "Looks at cluster and nodes that failed."),
        MetricFamily("viridian_repairs_total", .counter, "Repairs that the server made by itself."),
        MetricFamily("viridian_live_info", .gauge, "1 for the colour and version that are live."),
        MetricFamily("viridian_pods_ready", .gauge, "Ready pods of each colour."),
        MetricFamily("viridian_pods_desired", .gauge, "Wanted pods of each colour."),
        MetricFamily("viridian_nodes", .gauge, "Nodes by what they route to."),
        MetricFamily("viridian_nodes_astray", .gauge, "Nodes that do not route as the cluster has recorded."),
        MetricFamily("viridian_looked_timestamp_seconds", .gauge, "When cluster and nodes were last looked at."),
        MetricFamily(
            "viridian_look_round_seconds", .gauge,
            "From one look at an app to the next one: how late drift may be noticed. It grows with apps and nodes."),
        MetricFamily("viridian_http_requests_total", .counter, "Answers, by route, method and status."),
        MetricFamily("viridian_http_request_seconds", .histogram(fastBuckets), "Until the head of the answer."),
        MetricFamily("viridian_event_streams", .gauge, "Open event streams."),
    ]

    // MARK: - Changing

    package func count(_ name: String, _ labels: [String: String] = [:], by amount: Double = 1) {
        families.withLockedValue { $0[name]?.add(amount, labels) }
    }

    package func set(_ name: String, _ value: Double, _ labels: [String: String] = [:]) {
        families.withLockedValue { $0[name]?.set(value, labels) }
    }

    package func time(_ name: String, _ length: Duration, _ labels: [String: String] = [:]) {
        families.withLockedValue { $0[name]?.observe(length.inSeconds, labels) }
    }

    /// Counts what an event brought about.
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
                families["viridian_troubles_total"]?.add(1, ["app": app, "side": side])
            default: break
            }
            for span in after.spans where span.endedAt != nil {
                guard before.spans.last(where: { $0.phase == span.phase })?.endedAt == nil, let end = span.endedAt
                else { continue }
                families["viridian_phase_seconds"]?
                    .observe((end - span.startedAt).inSeconds, ["app": app, "phase": span.phase.rawValue])
            }
            families["viridian_release_running"]?.set(after.state.hasEnded ? 0 : 1, ["app": app])
            families["viridian_release_awaiting"]?.set(after.state == .paused ? 1 : 0, ["app": app])
            guard after.state.hasEnded, !before.state.hasEnded else { return }
            families["viridian_releases_total"]?.add(1, ["app": app, "outcome": after.state.rawValue])
            families["viridian_release_seconds"]?
                .observe(after.elapsed(at: recorded.at).inSeconds, ["app": app, "outcome": after.state.rawValue])
        }
    }

    /// Takes in what cluster and nodes said of an app.
    func set(_ sight: AppSight, astray: Int, of app: String) {
        families.withLockedValue { families in
            for name in ["viridian_live_info", "viridian_pods_ready", "viridian_pods_desired", "viridian_nodes"] {
                families[name]?.remove { $0["app"] == app }
            }
            if let live = sight.survey.recorded {
                let labels = ["app": app, "color": live.color.rawValue, "version": live.version]
                families["viridian_live_info"]?.set(1, labels)
            }
            for (color, workload) in sight.survey.workloads {
                let labels = ["app": app, "color": color.rawValue]
                families["viridian_pods_ready"]?.set(Double(workload.ready), labels)
                families["viridian_pods_desired"]?.set(Double(workload.replicas), labels)
            }
            for (color, readings) in Dictionary(grouping: sight.readings, by: { $0.color?.rawValue ?? "unknown" }) {
                families["viridian_nodes"]?.set(Double(readings.count), ["app": app, "color": color])
            }
            families["viridian_nodes_astray"]?.set(Double(astray), ["app": app])
            families["viridian_looked_timestamp_seconds"]?.set(Double(sight.at.milliseconds) / 1000, ["app": app])
        }
    }

    /// All of it, in the order of the names.
    package var text: String {
        families.withLockedValue { families in
            families.values.sorted { $0.name < $1.name }.map(\.text).joined()
        }
    }
}
