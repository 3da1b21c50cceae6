import Kubernetes

/// A container's status, init containers included.
struct PodContainer {
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
    /// True for an init container that is not a sidecar: one with `restartPolicy: Always` runs as long as the pod.
    var mayEnd: Bool

    static func all(in pod: JSON) -> [PodContainer] {
        let initial = pod[at: "status.initContainerStatuses"]?.array ?? []
        let regular = pod[at: "status.containerStatuses"]?.array ?? []
        let specs = (pod[at: "spec.initContainers"]?.array ?? []) + (pod[at: "spec.containers"]?.array ?? [])
        return (initial.map { ($0, true) } + regular.map { ($0, false) }).map { status, isInit in
            let name = status["name"]?.string ?? "?"
            let spec = specs.first { $0["name"]?.string == name }
            let waiting = status[at: "state.waiting"]
            return PodContainer(
                name: name,
                image: spec?["image"]?.string ?? status["image"]?.string ?? "?",
                restarts: status["restartCount"]?.count ?? 0,
                waiting: waiting.map {
                    Waiting(reason: $0["reason"]?.string ?? "waiting", message: $0["message"]?.string)
                },
                isRunning: status[at: "state.running"] != nil,
                terminated: status[at: "state.terminated"] ?? status[at: "lastState.terminated"],
                memoryLimit: spec?[at: "resources.limits.memory"]?.string,
                mayEnd: isInit && spec?["restartPolicy"]?.string != "Always"
            )
        }
    }

    /// How it failed; `nil` if it did not.
    var crash: String? {
        guard let terminated, !(mayEnd && terminated["exitCode"]?.integer == 0) else { return nil }
        if terminated["reason"]?.string == "OOMKilled" {
            return "ran out of memory\(memoryLimit.map { " (its limit is \($0))" } ?? "") and was killed"
        }
        if let signal = terminated["signal"]?.integer, signal != 0 { return "was killed by signal \(signal)" }
        let code = terminated["exitCode"]?.integer ?? 0
        let message = terminated["message"]?.string.map { ": \($0)" } ?? ""
        return "exited with code \(code)\(message)"
    }
}
