import Controller
import Kubernetes
import ReleaseMachine

/// The state of a candidate's pods, assembled from three watches: pods, warning events, and the workload's conditions.
struct PodsSnapshot {
    let desired: Int
    /// How long all pods must be ready without a restart.
    let stable: Duration
    private(set) var pods: [String: JSON] = [:]
    /// By pod name.
    private var warnings: [String: PodWarnings] = [:]
    private var failure: ReplicaFailure?
    private var waits = PodWaits()

    private var steadySince: Timestamp?
    private var restarts: Int?

    init(desired: Int, stable: Duration) {
        self.desired = desired
        self.stable = stable
    }

    mutating func apply(pods event: WatchEvent) {
        switch event {
        case .snapshot(let list): pods = Dictionary(list.items.map { ($0.name ?? "", $0) }) { $1 }
        case .added(let pod), .modified(let pod): pods[pod.name ?? ""] = pod
        case .deleted(let pod): pods[pod.name ?? ""] = nil
        case .interrupted, .resumed: return
        }
    }

    mutating func apply(warnings event: WatchEvent) {
        let events: [JSON]
        switch event {
        // A list is sorted by name; the newest event of a reason must come last.
        case .snapshot(let list): events = list.items.sorted { $0.lastSeen < $1.lastSeen }
        case .added(let one), .modified(let one): events = [one]
        case .deleted, .interrupted, .resumed: return
        }
        for event in events {
            guard let pod = event[at: "involvedObject.name"]?.string, let reason = event["reason"]?.string,
                let message = event["message"]?.string
            else { continue }
            // "Error: ErrImagePull" only repeats the status; the event with the cause is kept.
            if reason == "Failed", message.hasPrefix("Error: ") { continue }
            warnings[pod, default: [:]].add(.init(reason: reason, message: message))
        }
    }

    mutating func apply(workload event: WatchEvent, at now: Timestamp) {
        let object: JSON?
        switch event {
        case .snapshot(let list): object = list.items.first
        case .added(let one), .modified(let one): object = one
        case .deleted, .interrupted, .resumed: return
        }
        let message = object?.message(ofTrue: "ReplicaFailure")
        failure = message.map { ReplicaFailure($0, at: now, after: failure) }
    }

    /// The observation at this moment, and the crashed container that explains it, if any.
    mutating func observation(at now: Timestamp) -> (PodsObservation, crashed: (pod: String, container: String)?) {
        let diagnoses = waits.updated(
            pods.values.filter { !$0.isBeingDeleted || $0.hasTrue("Ready") }
                .map { PodDiagnosis($0, warnings: warnings[$0.name ?? ""] ?? [:]) }
                .sorted { $0.summary.name < $1.summary.name },
            at: now)
        let missingPods = waits.missingPodsWarning(isEmpty: diagnoses.isEmpty && failure == nil && desired > 0, at: now)
        let report = PodsReport(
            ready: diagnoses.filter { $0.outlook == .ready }.count,
            desired: desired,
            pods: diagnoses.map(\.summary),
            warnings: [failure?.message ?? missingPods].compactMap(\.self)
        )
        for diagnosis in diagnoses {
            if case .failed(let why, let crashed) = diagnosis.outlook {
                let pod = diagnosis.summary.name
                let verdict = PodsObservation.Verdict.failed("pod \(pod): \(why)", details: [])
                return (PodsObservation(report: report, verdict: verdict), crashed.map { (pod, $0) })
            }
        }
        if report.ready < desired, let verdict = failure?.verdict(at: now) {
            return (PodsObservation(report: report, verdict: verdict), nil)
        }
        return (PodsObservation(report: report, verdict: isSteady(report, at: now) ? .ready : .waiting), nil)
    }

    private mutating func isSteady(_ report: PodsReport, at now: Timestamp) -> Bool {
        let count = report.pods.reduce(0) { $0 + $1.restarts }
        guard report.ready >= desired else {
            steadySince = nil
            return false
        }
        if steadySince == nil || restarts != count { steadySince = now }
        restarts = count
        return now - (steadySince ?? now) >= stable
    }
}

extension JSON {
    /// When an event happened last. The times are RFC 3339 in UTC and sort as text; newer API servers set only `eventTime`.
    fileprivate var lastSeen: String {
        self["lastTimestamp"]?.string ?? self["eventTime"]?.string ?? self[at: "metadata.creationTimestamp"]?.string
            ?? ""
    }
}
