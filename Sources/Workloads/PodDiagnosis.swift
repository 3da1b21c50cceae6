import Kubernetes
import ReleaseMachine

/// What one pod's object tells: ready, or why not, and whether waiting can help.
struct PodDiagnosis: Hashable {
    enum Outlook: Hashable {
        case ready
        /// It may come by itself: it is starting, a pull failed once, no node has room yet, a probe does not answer yet.
        case mayCome
        /// It will not: a person has to change something. `crashed` is the container whose last log lines tell more.
        case hopeless(String, crashed: String?)
    }

    var summary: PodSummary
    var outlook: Outlook

    /// - Parameters:
    ///   - pod: the pod as the API gives it.
    ///   - warnings: the newest warning events about it by reason, which know what its status does not: why a pull failed, what a
    ///     probe answered.
    init(_ pod: JSON, warnings: [String: String] = [:]) {
        let name = pod[at: "metadata.name"]?.string ?? "?"
        let containers = Container.all(in: pod)
        let restarts = containers.reduce(0) { $0 + $1.restarts }
        let isReady = pod.hasTrue("Ready") && !pod.isBeingDeleted
        let found = isReady ? nil : PodDiagnosis.trouble(pod, containers, warnings)
        summary = PodSummary(name: name, isReady: isReady, reason: found?.text, restarts: restarts)
        if isReady {
            outlook = .ready
        } else if let found, found.isHopeless {
            outlook = .hopeless(found.text, crashed: found.crashed)
        } else {
            outlook = .mayCome
        }
    }

    private struct Trouble {
        var text: String
        var isHopeless = false
        var crashed: String?
    }

    private static func trouble(_ pod: JSON, _ containers: [Container], _ warnings: [String: String]) -> Trouble? {
        if pod.isBeingDeleted { return Trouble(text: "is being deleted") }
        let hasFailed = pod[at: "status.phase"]?.string == "Failed"
        // An evicted pod's containers were killed, which is not their doing.
        if hasFailed, let reason = pod[at: "status.reason"]?.string {
            return Trouble(text: "\(reason): \(pod[at: "status.message"]?.string ?? "the controller will replace it")")
        }
        for container in containers {
            if let trouble = trouble(container, warnings) { return trouble }
        }
        if hasFailed {
            let reason = pod[at: "status.reason"]?.string ?? "failed"
            return Trouble(text: "\(reason): \(pod[at: "status.message"]?.string ?? "the controller will replace it")")
        }
        if let message = pod.message(ofFalse: "PodScheduled") { return Trouble(text: "no node has room: \(message)") }
        // Once a container runs, or waits for something else, every volume has been mounted.
        let steps: Set = ["ContainerCreating", "PodInitializing"]
        let isBeginning = containers.allSatisfy { steps.contains($0.waiting?.reason ?? "") }
        if isBeginning, let words = warnings["FailedMount"] {
            return Trouble(text: "a volume cannot be mounted: \(words)")
        }
        if let probe = warnings["Unhealthy"] { return Trouble(text: probe) }
        // The steps that every pod takes are no trouble.
        if let waiting = containers.lazy.compactMap({ $0.waiting?.reason }).first(where: { !steps.contains($0) }) {
            return Trouble(text: waiting)
        }
        return nil
    }

    private static func trouble(_ container: Container, _ warnings: [String: String]) -> Trouble? {
        let waiting = container.waiting
        switch waiting?.reason {
        case "ErrImagePull", "ImagePullBackOff":
            // The back-off's message forgets the cause, which the event still knows.
            let words = [waiting?.message, warnings["Failed"]].compactMap { $0 }.first(where: isPermanentPullError)
            if let words {
                return Trouble(text: "image \(container.image) cannot be pulled: \(words)", isHopeless: true)
            }
            let known = warnings["Failed"] ?? waiting?.message ?? ""
            return Trouble(text: "image \(container.image) is not pulled yet: \(known)")
        case "InvalidImageName", "ErrImageNeverPull":
            return Trouble(
                text: "image \(container.image) cannot be pulled: \(waiting?.message ?? waiting?.reason ?? "")",
                isHopeless: true
            )
        case "CreateContainerConfigError", "CreateContainerError", "RunContainerError":
            let words = waiting?.message ?? warnings["Failed"] ?? ""
            // The kubelet's own caches lag behind for a moment after a secret was made.
            let isPassing = words.contains("failed to sync") || words.contains("context deadline exceeded")
            return Trouble(text: "\(container.name) cannot be started: \(words)", isHopeless: !isPassing)
        default: break
        }
        guard let crash = container.crash else { return nil }
        // One crash may be a dependency that was not up yet; the second says that it was not.
        let isLoop = waiting?.reason == "CrashLoopBackOff" && container.restarts >= 1 || container.restarts >= 2
        let count = container.restarts + (container.isRunning ? 0 : 1)
        let often = count < 2 ? "" : ", \(count) times"
        return Trouble(
            text: "\(container.name) \(crash)\(often)",
            isHopeless: isLoop,
            crashed: container.name
        )
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

/// A container's status, init containers included.
private struct Container {
    struct Waiting {
        var reason: String
        var message: String?
    }

    var name: String
    var image: String
    var restarts: Int
    var waiting: Waiting?
    var isRunning: Bool
    var terminated: JSON?
    var memoryLimit: String?
    var isInit: Bool

    static func all(in pod: JSON) -> [Container] {
        let initial = pod[at: "status.initContainerStatuses"]?.array ?? []
        let regular = pod[at: "status.containerStatuses"]?.array ?? []
        let specs = (pod[at: "spec.initContainers"]?.array ?? []) + (pod[at: "spec.containers"]?.array ?? [])
        return (initial.map { ($0, true) } + regular.map { ($0, false) }).map { status, isInit in
            let name = status["name"]?.string ?? "?"
            let spec = specs.first { $0["name"]?.string == name }
            let waiting = status[at: "state.waiting"]
            return Container(
                name: name,
                image: spec?["image"]?.string ?? status["image"]?.string ?? "?",
                restarts: status["restartCount"]?.integer ?? 0,
                waiting: waiting.map {
                    Waiting(reason: $0["reason"]?.string ?? "waiting", message: $0["message"]?.string)
                },
                isRunning: status[at: "state.running"] != nil,
                terminated: status[at: "state.terminated"] ?? status[at: "lastState.terminated"],
                memoryLimit: spec?[at: "resources.limits.memory"]?.string,
                isInit: isInit
            )
        }
    }

    /// How it ended, when it ended as it should not have.
    var crash: String? {
        guard let terminated, !(isInit && terminated["exitCode"]?.integer == 0) else { return nil }
        if terminated["reason"]?.string == "OOMKilled" {
            return "ran out of memory\(memoryLimit.map { " (its limit is \($0))" } ?? "") and was killed"
        }
        if let signal = terminated["signal"]?.integer, signal != 0 { return "was killed by signal \(signal)" }
        let code = terminated["exitCode"]?.integer ?? 0
        let words = terminated["message"]?.string.map { ": \($0)" } ?? ""
        return "exited with code \(code)\(words)"
    }
}

extension JSON {
    private func condition(_ type: String) -> JSON? {
        self[at: "status.conditions"]?.array?.first { $0["type"]?.string == type }
    }

    func hasTrue(_ type: String) -> Bool { condition(type)?["status"]?.string == "True" }

    func message(ofFalse type: String) -> String? {
        guard let condition = condition(type), condition["status"]?.string == "False" else { return nil }
        return condition["message"]?.string ?? condition["reason"]?.string
    }

    func message(ofTrue type: String) -> String? {
        guard let condition = condition(type), condition["status"]?.string == "True" else { return nil }
        return condition["message"]?.string ?? condition["reason"]?.string
    }
}
