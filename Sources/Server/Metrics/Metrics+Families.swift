extension Metrics {
    private static let phaseBuckets = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600]
    private static let fastBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

    /// All metrics of the server: name, kind, labels, and what they mean. Names and labels are outward: dashboards and alerts have them.
    static let known: [MetricFamily] = [
        MetricFamily("viridian_build_info", .gauge, ["version"], "The running version."),
        MetricFamily("viridian_servers", .gauge, [], "Servers on the same journal, this one included."),
        MetricFamily(
            "viridian_releases_total", .counter, ["app", "outcome"], "Releases that ended, by app and outcome."),
        MetricFamily("viridian_release_running", .gauge, ["app"], "1 while a release of the app has not ended."),
        MetricFamily("viridian_release_awaiting", .gauge, ["app"], "1 while a release awaits promotion."),
        MetricFamily(
            "viridian_release_pause_end_timestamp_seconds", .gauge, ["app"],
            "When the pause for verification ends without a person; there while a release awaits promotion."),
        MetricFamily(
            "viridian_release_seconds", .histogram(phaseBuckets), ["app", "outcome"],
            "Time from a release's request to its end."),
        MetricFamily(
            "viridian_phase_seconds", .histogram(phaseBuckets), ["app", "phase"],
            "Time that releases spent in each phase."),
        MetricFamily(
            "viridian_node_switch_seconds", .histogram(fastBuckets), ["app"],
            "Time from the start of the switch to a node's verified switch."),
        MetricFamily("viridian_node_failures_total", .counter, ["app", "step"], "Steps that failed on a node."),
        MetricFamily("viridian_retries_total", .counter, ["app", "side"], "Effects that failed and were retried."),
        MetricFamily(
            "viridian_check_failures_total", .counter, ["app"], "Checks of the cluster and the nodes that failed."),
        MetricFamily("viridian_repairs_total", .counter, ["app"], "Automatic repairs."),
        MetricFamily("viridian_live_info", .gauge, ["app", "color", "version"], "1 for the live colour and version."),
        MetricFamily("viridian_pods_ready", .gauge, ["app", "color"], "Ready pods of each colour."),
        MetricFamily("viridian_pods_desired", .gauge, ["app", "color"], "Desired pods of each colour."),
        MetricFamily("viridian_nodes", .gauge, ["app", "color"], "Nodes by the colour that they route to."),
        MetricFamily("viridian_nodes_drifted", .gauge, ["app"], "Nodes that do not route to the live colour."),
        MetricFamily(
            "viridian_checked_timestamp_seconds", .gauge, ["app"],
            "Time of the last check of the cluster and the nodes."),
        MetricFamily(
            "viridian_check_round_conversations", .gauge, [],
            "Conversations with nodes in the last round of checks: one for each node."),
        MetricFamily(
            "viridian_check_round_seconds", .gauge, [],
            "Time from one check of an app to the next: the longest time that drift goes unnoticed."),
        MetricFamily(
            "viridian_http_requests_total", .counter, ["route", "method", "status"],
            "Requests by route, method and status."),
        MetricFamily(
            "viridian_http_request_seconds", .histogram(fastBuckets), ["route"], "Time until the head of the response."),
        MetricFamily(
            "viridian_notifications_total", .counter, ["destination", "outcome"],
            "Messages to other systems by destination and outcome: delivered, retried, failed, obsolete."),
        MetricFamily(
            "viridian_notifications_pending", .gauge, ["destination"],
            "Messages to other systems that are still to be sent."),
        MetricFamily(
            "viridian_notifications_lag_seconds", .gauge, ["destination"],
            "How long the oldest message waits that may be sent to a destination; 0 when none does."),
        MetricFamily("viridian_event_streams", .gauge, [], "Open event streams."),
        MetricFamily(
            "viridian_deliveries_total", .counter, ["sender", "result"],
            "Deliveries of hooks by sender and answer: accepted, ignored, repeated, refused, unauthorized, malformed."),
        MetricFamily(
            "viridian_slack_requests_total", .counter, ["kind", "result"],
            "Requests from Slack by kind and answer: accepted, ignored, repeated, limited, unauthorized, malformed."),
        MetricFamily("viridian_queue_length", .gauge, ["app"], "1 while a version of the app waits to be released."),
        MetricFamily(
            "viridian_slack_connections", .gauge, [],
            "Connections of Socket Mode on which Slack sends requests: 2, more while one is renewed."),
        MetricFamily("viridian_locks", .gauge, ["app"], "Locks and freezes that hold the app's releases now."),
        MetricFamily(
            "viridian_journal_writable", .gauge, [],
            "1 when the journal could be written at the last check, 0 when not."),
    ]
}
