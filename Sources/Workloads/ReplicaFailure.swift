import Controller
import ReleaseMachine

/// Why a controller creates no more pods: the API's error (condition `ReplicaFailure`).
struct ReplicaFailure: Hashable {
    /// How long a rejection may last: quotas and policies do not change during a release, but a pod may just be terminating.
    static let rejectionLimit: Duration = .seconds(8)
    /// How long a transient error may last: a webhook's pod is moved, or the service account is created a moment later.
    static let transientLimit: Duration = .seconds(120)

    var message: String
    /// When the API first gave this kind of error.
    var since: Timestamp

    /// - Parameters:
    ///   - message: the API's current error.
    ///   - now: the time of the error.
    ///   - before: the previous error.
    init(_ message: String, at now: Timestamp, after before: ReplicaFailure?) {
        self.message = message
        since = now
        if let before, before.isTransient == isTransient { since = before.since }
    }

    /// Whether something is temporarily unavailable, in contrast to a rejection.
    var isTransient: Bool {
        let signs = [
            // A webhook that answers gives another message: "admission webhook … denied the request".
            "failed calling webhook", "failed to call webhook", "no endpoints available for service",
            "serviceaccount \"", "error looking up service account", "connection refused", "i/o timeout",
            "context deadline exceeded", "request timed out", "Too many requests", "object has been modified",
        ]
        return !message.contains("denied the request") && !message.contains("exceeded quota")
            && signs.contains(where: message.contains)
    }

    /// The verdict when the error lasts too long; `nil` before.
    func verdict(at now: Timestamp) -> PodsObservation.Verdict? {
        let limit = isTransient ? ReplicaFailure.transientLimit : ReplicaFailure.rejectionLimit
        guard now - since >= limit else { return nil }
        let time = isTransient ? " for 2 minutes" : ""
        return .failed("the cluster has created no more pods\(time): \(message)", details: [])
    }
}
