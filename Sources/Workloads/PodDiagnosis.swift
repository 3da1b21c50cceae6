import Kubernetes
import ReleaseMachine

/// What one pod's object tells: ready, or why not, and whether waiting can help.
struct PodDiagnosis: Hashable {
    enum Outlook: Hashable {
        case ready
        /// It may come by itself: it is starting, a pull failed once, no node has room yet, a probe does not answer yet.
        case mayCome
        /// It will come by itself soon, or not at all: what is in its way passes within this time.
        case mustCome(within: Duration, String)
        /// It will not: a person has to change something. `crashed` is the container whose last log lines tell more.
        case hopeless(String, crashed: String?)
    }

    /// A container runtime that is late with one container goes on with it in the end.
    static let patience: Duration = .seconds(120)

    var summary: PodSummary
    var outlook: Outlook
    /// Where a pod without trouble stands. Every pod is there for a moment; one that stays there is waiting for that.
    var step: String?

    /// - Parameters:
    ///   - pod: the pod as the API gives it.
    ///   - warnings: the warning events about it.
    init(_ pod: JSON, warnings: PodWarnings = [:]) {
        let name = pod[at: "metadata.name"]?.string ?? "?"
        let containers = PodContainer.all(in: pod)
        let restarts = containers.reduce(0) { $0 + $1.restarts }
        let isReady = pod.hasTrue("Ready") && !pod.isBeingDeleted
        let found = isReady ? nil : PodDiagnosis.trouble(pod, containers, warnings)
        summary = PodSummary(name: name, isReady: isReady, reason: found?.text, restarts: restarts)
        step = isReady ? nil : PodDiagnosis.step(pod, containers)
        switch found?.outcome {
        case _ where isReady: outlook = .ready
        case .never(let crashed)?: outlook = .hopeless(found?.text ?? "", crashed: crashed)
        case .soon?: outlook = .mustCome(within: PodDiagnosis.patience, found?.text ?? "")
        case .perhaps?, nil: outlook = .mayCome
        }
    }

    private struct Trouble {
        enum Outcome {
            case perhaps
            case soon
            case never(crashed: String? = nil)
        }

        var text: String
        var outcome = Outcome.perhaps
    }

    /// The steps that every pod takes are no trouble.
    private static let steps: Set = ["ContainerCreating", "PodInitializing"]

    private static func trouble(_ pod: JSON, _ containers: [PodContainer], _ warnings: PodWarnings) -> Trouble? {
        if pod.isBeingDeleted { return Trouble(text: "is being deleted") }
        let hasFailed = pod[at: "status.phase"]?.string == "Failed"
        // An evicted pod's containers were killed, which is not their doing.
        if hasFailed, let reason = pod[at: "status.reason"]?.string {
            return Trouble(text: "\(reason): \(pod[at: "status.message"]?.string ?? "the controller will replace it")")
        }
        for container in containers {
            if let trouble = trouble(container, warnings) { return trouble }
        }
        if hasFailed { return Trouble(text: "failed: the controller will replace it") }
        if let text = condition(of: pod) { return Trouble(text: text) }
        let isBeginning = containers.allSatisfy { steps.contains($0.waiting?.reason ?? "") }
        if let text = warnings.trouble(isBeginning: isBeginning) { return Trouble(text: text) }
        if let waiting = containers.lazy.compactMap({ $0.waiting?.reason }).first(where: { !steps.contains($0) }) {
            return Trouble(text: waiting)
        }
        return nil
    }

    /// What a false condition says that is none of the steps of every pod.
    private static func condition(of pod: JSON) -> String? {
        if let message = pod.message(ofFalse: "PodScheduled") {
            let isFull = [nil, "Unschedulable"].contains(pod.condition("PodScheduled")?["reason"]?.string)
            return isFull ? "no node has room: \(message)" : "is not scheduled: \(message)"
        }
        let ready = pod.condition("Ready")
        if ready?["status"]?.string == "False", ready?["reason"]?.string == "ReadinessGatesNotReady" {
            return "its containers are ready, and it waits for a readiness gate: \(ready?["message"]?.string ?? "")"
        }
        let usual: Set = ["PodScheduled", "Initialized", "ContainersReady", "Ready", "PodReadyToStartContainers"]
        return (pod[at: "status.conditions"]?.array ?? []).lazy.compactMap { condition in
            guard let type = condition["type"]?.string, !usual.contains(type), condition["status"]?.string == "False",
                let message = condition["message"]?.string, !message.isEmpty
            else { return nil }
            return "\(type): \(message)"
        }.first
    }

    private static func step(_ pod: JSON, _ containers: [PodContainer]) -> String {
        if let container = containers.first(where: { $0.waiting != nil }), let reason = container.waiting?.reason {
            return "\(container.name) is at \(reason)"
        }
        for type in ["Initialized", "ContainersReady", "Ready"] {
            if let message = pod.message(ofFalse: type) { return message }
        }
        return "its phase is \(pod[at: "status.phase"]?.string ?? "unknown")"
    }

    private static func trouble(_ container: PodContainer, _ warnings: PodWarnings) -> Trouble? {
        let waiting = container.waiting
        switch waiting?.reason {
        case "ErrImagePull", "ImagePullBackOff":
            // The back-off's message forgets the cause, which the event still knows.
            let words = [waiting?.message, warnings["Failed"]].compactMap { $0 }.first(where: isPermanentPullError)
            if let words {
                return Trouble(text: "image \(container.image) cannot be pulled: \(words)", outcome: .never())
            }
            let known = warnings["Failed"] ?? waiting?.message ?? ""
            return Trouble(text: "image \(container.image) is not pulled yet: \(known)")
        case "InvalidImageName", "ErrImageNeverPull":
            return Trouble(
                text: "image \(container.image) cannot be pulled: \(waiting?.message ?? waiting?.reason ?? "")",
                outcome: .never()
            )
        case "CreateContainerConfigError", "CreateContainerError", "RunContainerError":
            let words = waiting?.message ?? warnings["Failed"] ?? ""
            return Trouble(
                text: "\(container.name) cannot be started: \(words)", outcome: isPassingStart(words) ? .soon : .never()
            )
        default: break
        }
        guard let crash = container.crash else { return nil }
        // One crash may be a dependency that was not up yet; the second says that it was not.
        let isLoop = waiting?.reason == "CrashLoopBackOff" && container.restarts >= 1 || container.restarts >= 2
        let count = container.restarts + (container.isRunning ? 0 : 1)
        let often = count < 2 ? "" : ", \(count) times"
        return Trouble(
            text: "\(container.name) \(crash)\(often)",
            outcome: isLoop ? .never(crashed: container.name) : .perhaps
        )
    }

    /// A machine under load: the kubelet's caches lag behind after a secret was made; the runtime is still busy with its first try
    /// when the second asks for the same name (containerd's words, then Docker's).
    private static func isPassingStart(_ message: String) -> Bool {
        let signs = [
            "failed to sync", "context deadline exceeded", "DeadlineExceeded", "failed to reserve container name",
            "Conflict. The container name", "is already in use by container",
        ]
        return signs.contains(where: message.contains)
    }

    private static func isPermanentPullError(_ message: String) -> Bool {
        let words = message.lowercased()
        let signs = [
            "not found", "manifest unknown", "name unknown", "pull access denied", "unauthorized", "no basic auth",
            "does not exist", "invalid reference",
        ]
        return signs.contains(where: words.contains)
    }
}
