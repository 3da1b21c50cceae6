import Kubernetes
import ReleaseMachine

/// Whether a pod is ready, why not, and whether waiting can help.
struct PodDiagnosis: Hashable {
    enum Outlook: Hashable {
        case ready
        /// It may become ready by itself: it is starting, a pull failed once, it is not scheduled yet, a probe does not answer yet.
        case mayBecomeReady
        /// It becomes ready within this time, or not at all.
        case mustBecomeReady(within: Duration, String)
        /// It does not become ready until a person changes something. `crashed` is the container whose log lines explain why.
        case failed(String, crashed: String?)
    }

    /// How long a container runtime may be late with one container.
    static let transientLimit: Duration = .seconds(120)

    var summary: PodSummary
    var outlook: Outlook
    /// The current step of a pod without a problem. A pod that stays in one step for long is waiting for it.
    var step: String?

    /// - Parameters:
    ///   - pod: the pod from the API.
    ///   - warnings: the warning events about it.
    init(_ pod: JSON, warnings: PodWarnings = [:]) {
        let name = pod[at: "metadata.name"]?.string ?? "?"
        let containers = PodContainer.all(in: pod)
        let restarts = containers.reduce(0) { $0 + $1.restarts }
        let isReady = pod.hasTrue("Ready") && !pod.isBeingDeleted
        let found = isReady ? nil : PodDiagnosis.problem(pod, containers, warnings)
        summary = PodSummary(name: name, isReady: isReady, reason: found?.text, restarts: restarts)
        step = isReady ? nil : PodDiagnosis.step(pod, containers)
        switch found?.outcome {
        case _ where isReady: outlook = .ready
        case .permanent(let crashed)?: outlook = .failed(found?.text ?? "", crashed: crashed)
        case .mustPass?: outlook = .mustBecomeReady(within: PodDiagnosis.transientLimit, found?.text ?? "")
        case .mayPass?, nil: outlook = .mayBecomeReady
        }
    }

    private struct Problem {
        enum Outcome {
            case mayPass
            case mustPass
            case permanent(crashed: String? = nil)
        }

        var text: String
        var outcome = Outcome.mayPass
    }

    /// The waiting reasons of every pod that starts.
    private static let steps: Set = ["ContainerCreating", "PodInitializing"]

    private static func problem(_ pod: JSON, _ containers: [PodContainer], _ warnings: PodWarnings) -> Problem? {
        if pod.isBeingDeleted { return Problem(text: "is being deleted") }
        let hasFailed = pod[at: "status.phase"]?.string == "Failed"
        // The containers of an evicted pod were killed; their own state is not the cause.
        if hasFailed, let reason = pod[at: "status.reason"]?.string {
            return Problem(text: "\(reason): \(pod[at: "status.message"]?.string ?? "the controller will replace it")")
        }
        for container in containers {
            if let problem = problem(container, warnings) { return problem }
        }
        if hasFailed { return Problem(text: "failed: the controller will replace it") }
        if let text = condition(of: pod) { return Problem(text: text) }
        let isStarting = containers.allSatisfy { steps.contains($0.waiting?.reason ?? "") }
        if let text = warnings.current(isStarting: isStarting) { return Problem(text: text) }
        if let waiting = containers.lazy.compactMap({ $0.waiting?.reason }).first(where: { !steps.contains($0) }) {
            return Problem(text: waiting)
        }
        return nil
    }

    /// The message of a false condition that is not one of every starting pod.
    private static func condition(of pod: JSON) -> String? {
        if let message = pod.message(ofFalse: "PodScheduled") {
            let isUnschedulable = [nil, "Unschedulable"].contains(pod.condition("PodScheduled")?["reason"]?.string)
            return isUnschedulable ? "cannot be scheduled: \(message)" : "is not scheduled: \(message)"
        }
        let ready = pod.condition("Ready")
        if ready?["status"]?.string == "False", ready?["reason"]?.string == "ReadinessGatesNotReady" {
            return "its containers are ready, but not its readiness gate: \(ready?["message"]?.string ?? "")"
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
            return "\(container.name) is in state \(reason)"
        }
        for type in ["Initialized", "ContainersReady", "Ready"] {
            if let message = pod.message(ofFalse: type) { return message }
        }
        return "its phase is \(pod[at: "status.phase"]?.string ?? "unknown")"
    }

    private static func problem(_ container: PodContainer, _ warnings: PodWarnings) -> Problem? {
        let waiting = container.waiting
        switch waiting?.reason {
        case "ErrImagePull", "ImagePullBackOff":
            // The back-off message does not contain the cause, the event does.
            let message = [waiting?.message, warnings["Failed"]].compactMap { $0 }.first(where: isPermanentPullError)
            if let message {
                return Problem(text: "image \(container.image) cannot be pulled: \(message)", outcome: .permanent())
            }
            let known = warnings["Failed"] ?? waiting?.message ?? ""
            return Problem(text: "image \(container.image) is not pulled yet: \(known)")
        case "InvalidImageName", "ErrImageNeverPull":
            return Problem(
                text: "image \(container.image) cannot be pulled: \(waiting?.message ?? waiting?.reason ?? "")",
                outcome: .permanent()
            )
        case "CreateContainerConfigError", "CreateContainerError", "RunContainerError":
            let message = waiting?.message ?? warnings["Failed"] ?? ""
            return Problem(
                text: "\(container.name) cannot be started: \(message)",
                outcome: isTransientStartError(message) ? .mustPass : .permanent()
            )
        default: break
        }
        guard let crash = container.crash else { return nil }
        // One crash may be due to a dependency that was not up yet; a second one is a crash loop.
        let isLoop = waiting?.reason == "CrashLoopBackOff" && container.restarts >= 1 || container.restarts >= 2
        let count = container.restarts + (container.isRunning ? 0 : 1)
        let often = count < 2 ? "" : ", \(count) times"
        return Problem(
            text: "\(container.name) \(crash)\(often)",
            outcome: isLoop ? .permanent(crashed: container.name) : .mayPass
        )
    }

    /// Errors of a machine under load: the kubelet's caches are behind after a secret was created; the runtime is still busy with the
    /// first attempt when the second uses the same name (messages of containerd, then of Docker).
    private static func isTransientStartError(_ message: String) -> Bool {
        let signs = [
            "failed to sync", "context deadline exceeded", "DeadlineExceeded", "failed to reserve container name",
            "Conflict. The container name", "is already in use by container",
        ]
        return signs.contains(where: message.contains)
    }

    private static func isPermanentPullError(_ message: String) -> Bool {
        let text = message.lowercased()
        let signs = [
            "not found", "manifest unknown", "name unknown", "pull access denied", "unauthorized", "no basic auth",
            "does not exist", "invalid reference",
        ]
        return signs.contains(where: text.contains)
    }
}
