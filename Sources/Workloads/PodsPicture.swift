import Controller
import Kubernetes
import ReleaseMachine

/// All that is known of a candidate's pods, put together from three watches: pods, warnings, and the workload's own conditions.
struct PodsPicture {
    let desired: Int
    /// How long all pods must be ready without a restart.
    let stable: Duration
    private(set) var pods: [String: JSON] = [:]
    /// By pod name.
    private var warnings: [String: PodWarnings] = [:]
    private var refusal: ReplicaRefusal?
    private var waits = PodWaits()

    private var steadySince: Timestamp?
    private var restarts: Int?

    init(desired: Int, stable: Duration) {
        self.desired = desired
        self.stable = stable
    }

    mutating func take(pods event: WatchEvent) {
        switch event {
        case .snapshot(let list): pods = Dictionary(list.items.map { ($0.name ?? "", $0) }) { $1 }
        case .added(let pod), .modified(let pod): pods[pod.name ?? ""] = pod
        case .deleted(let pod): pods[pod.name ?? ""] = nil
        case .interrupted: return
        }
    }

    mutating func take(warnings event: WatchEvent) {
        let events: [JSON]
        switch event {
        // A list is in the order of names: the newest of a reason shall be the one that stays.
        case .snapshot(let list): events = list.items.sorted { $0.lastSeen < $1.lastSeen }
        case .added(let one), .modified(let one): events = [one]
        case .deleted, .interrupted: return
        }
        for event in events {
            guard let pod = event[at: "involvedObject.name"]?.string, let reason = event["reason"]?.string,
                let message = event["message"]?.string
            else { continue }
            // "Error: ErrImagePull" repeats what the status says; the event that names the cause is the one to keep.
            if reason == "Failed", message.hasPrefix("Error: ") { continue }
            warnings[pod, default: [:]].take(.init(reason: reason, message: message))
        }
    }

    mutating func take(workload event: WatchEvent, at now: Timestamp) {
        let object: JSON?
        switch event {
        case .snapshot(let list): object = list.items.first
        case .added(let one), .modified(let one): object = one
        case .deleted, .interrupted: return
        }
        let words = object?.message(ofTrue: "ReplicaFailure")
        refusal = words.map { ReplicaRefusal($0, at: now, after: refusal) }
    }

    /// What it means at this moment.
    mutating func observation(at now: Timestamp) -> (PodsObservation, crashed: (pod: String, container: String)?) {
        let diagnoses = waits.settled(
            pods.values.filter { !$0.isBeingDeleted || $0.hasTrue("Ready") }
                .map { PodDiagnosis($0, warnings: warnings[$0.name ?? ""] ?? [:]) }
                .sorted { $0.summary.name < $1.summary.name },
            at: now)
        let absence = waits.absence(isEmpty: diagnoses.isEmpty && refusal == nil && desired > 0, at: now)
        let report = PodsReport(
            ready: diagnoses.filter { $0.outlook == .ready }.count,
            desired: desired,
            pods: diagnoses.map(\.summary),
            warnings: [refusal?.words ?? absence].compactMap(\.self)
        )
        for diagnosis in diagnoses {
            if case .hopeless(let why, let crashed) = diagnosis.outlook {
                let pod = diagnosis.summary.name
                let verdict = PodsObservation.Verdict.hopeless("pod \(pod): \(why)", details: [])
                return (PodsObservation(report: report, verdict: verdict), crashed.map { (pod, $0) })
            }
        }
        if report.ready < desired, let verdict = refusal?.verdict(at: now) {
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
    /// When an event happened last. Its times are RFC 3339 in UTC and sort as text; newer API servers set `eventTime` alone.
    fileprivate var lastSeen: String {
        self["lastTimestamp"]?.string ?? self["eventTime"]?.string ?? self[at: "metadata.creationTimestamp"]?.string
            ?? ""
    }
}
