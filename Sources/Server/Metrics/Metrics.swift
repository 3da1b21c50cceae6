import Controller
import NIOConcurrencyHelpers
import ReleaseMachine

/// The server's metrics, in Prometheus' text format. Counters start at zero with the process.
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
        MetricFamily("viridian_release_awaiting", .gauge, "1 while a release awaits promotion."),
        MetricFamily(
            "viridian_release_pause_end_timestamp_seconds", .gauge,
            "When the pause for verification ends without a person; there while a release awaits promotion."),
        MetricFamily("viridian_release_seconds", .histogram(phaseBuckets), "Time from a release's request to its end."),
        MetricFamily("viridian_phase_seconds", .histogram(phaseBuckets), "Time that releases spent in each phase."),
        MetricFamily(
            "viridian_node_switch_seconds", .histogram(fastBuckets),
            "Time from the start of the switch to a node's verified switch."),
        MetricFamily("viridian_node_failures_total", .counter, "Steps that failed on a node."),
        MetricFamily("viridian_retries_total", .counter, "Effects that failed and were retried."),
        MetricFamily("viridian_check_failures_total", .counter, "Checks of the cluster and the nodes that failed."),
        MetricFamily("viridian_repairs_total", .counter, "Automatic repairs."),
        MetricFamily("viridian_live_info", .gauge, "1 for the live colour and version."),
        MetricFamily("viridian_pods_ready", .gauge, "Ready pods of each colour."),
        MetricFamily("viridian_pods_desired", .gauge, "Desired pods of each colour."),
        MetricFamily("viridian_nodes", .gauge, "Nodes by the colour that they route to."),
        MetricFamily("viridian_nodes_drifted", .gauge, "Nodes that do not route to the live colour."),
        MetricFamily(
            "viridian_checked_timestamp_seconds", .gauge, "Time of the last check of the cluster and the nodes."),
        MetricFamily(
            "viridian_check_round_seconds", .gauge,
            "Time from one check of an app to the next: the longest time that drift goes unnoticed."),
        MetricFamily("viridian_http_requests_total", .counter, "Requests by route, method and status."),
        MetricFamily("viridian_http_request_seconds", .histogram(fastBuckets), "Time until the head of the response."),
        MetricFamily(
            "viridian_notifications_total", .counter,
            "Messages to other systems by destination and outcome: delivered, retried, failed, obsolete."),
        MetricFamily(
            "viridian_notifications_pending", .gauge, "Messages to other systems that are still to be sent."),
        MetricFamily(
            "viridian_notifications_lag_seconds", .gauge,
            "How long the oldest message waits that may be sent to a destination; 0 when none does."),
        MetricFamily("viridian_event_streams", .gauge, "Open event streams."),
        MetricFamily(
            "viridian_deliveries_total", .counter,
            "Deliveries of hooks by sender and answer: accepted, ignored, repeated, refused, unauthorized, malformed."),
        MetricFamily(
            "viridian_slack_requests_total", .counter,
            "Requests from Slack by kind and answer: accepted, ignored, repeated, limited, unauthorized, malformed."),
        MetricFamily("viridian_queue_length", .gauge, "1 while a version of the app waits to be released."),
        MetricFamily(
            "viridian_slack_connections", .gauge,
            "Connections of Socket Mode on which Slack sends requests: 2, more while one is renewed."),
        MetricFamily("viridian_locks", .gauge, "Locks and freezes that hold the app's releases now."),
        MetricFamily(
            "viridian_journal_writable", .gauge, "1 when the journal could be written at the last check, 0 when not."),
    ]

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
            families[pauseEnd]?.remove { $0["app"] == app }
        }
    }

    /// Updates the metrics of an app after a check.
    func set(_ observation: AppObservation, drifted: Int, of app: String) {
        families.withLockedValue { families in
            for name in ["viridian_live_info", "viridian_pods_ready", "viridian_pods_desired", "viridian_nodes"] {
                families[name]?.remove { $0["app"] == app }
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

    /// All metrics, sorted by name.
    package var text: String {
        families.withLockedValue { families in
            families.values.sorted { $0.name < $1.name }.map(\.text).joined()
        }
    }
}
