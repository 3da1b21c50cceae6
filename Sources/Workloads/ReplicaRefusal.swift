import Controller
import ReleaseMachine

/// Why a controller makes no more pods: what the API answered to it (condition `ReplicaFailure`).
struct ReplicaRefusal: Hashable {
    /// A quota does not grow while a release waits, nor does a policy change; the moment is for a pod that is just being deleted.
    static let quick: Duration = .seconds(8)
    /// A webhook's pod that is moved, an account that the same pipeline makes a moment later: the controller comes back to it.
    static let patient: Duration = .seconds(120)

    var words: String
    /// When the API began to answer like that.
    var since: Timestamp

    /// - Parameters:
    ///   - words: what the API answers now.
    ///   - now: the time of it.
    ///   - before: what it answered until now.
    init(_ words: String, at now: Timestamp, after before: ReplicaRefusal?) {
        self.words = words
        since = now
        if let before, before.mayPass == mayPass { since = before.since }
    }

    /// Whether it is no decision, but something that is away for the moment.
    var mayPass: Bool {
        let signs = [
            // Which webhook answers what is another matter: "admission webhook … denied the request".
            "failed calling webhook", "failed to call webhook", "no endpoints available for service",
            "serviceaccount \"", "error looking up service account", "connection refused", "i/o timeout",
            "context deadline exceeded", "request timed out", "Too many requests", "object has been modified",
        ]
        return !words.contains("denied the request") && !words.contains("exceeded quota")
            && signs.contains(where: words.contains)
    }

    /// What it means when it stays; nil while it may still pass.
    func verdict(at now: Timestamp) -> PodsObservation.Verdict? {
        let limit = mayPass ? ReplicaRefusal.patient : ReplicaRefusal.quick
        guard now - since >= limit else { return nil }
        let time = mayPass ? " for 2 minutes" : ""
        return .hopeless("the cluster makes no more pods\(time): \(words)", details: [])
    }
}
