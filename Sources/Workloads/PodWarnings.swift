/// The warning events about one pod. They contain what its status does not: why a pull failed, what a probe answered.
struct PodWarnings: Hashable, ExpressibleByDictionaryLiteral {
    struct Warning: Hashable {
        var reason: String
        var message: String
    }

    /// The last warning of each reason, newest last.
    private(set) var all: [Warning] = []

    init(dictionaryLiteral elements: (String, String)...) {
        for (reason, message) in elements { add(Warning(reason: reason, message: message)) }
    }

    mutating func add(_ warning: Warning) {
        all.removeAll { $0.reason == warning.reason }
        all.append(warning)
    }

    subscript(reason: String) -> String? { all.last { $0.reason == reason }?.message }

    /// The newest warning that still applies. `isStarting`: none of the pod's containers has been created yet.
    func current(isStarting: Bool) -> String? {
        all.reversed().lazy.compactMap { $0.text(isStarting: isStarting) }.first
    }
}

extension PodWarnings.Warning {
    /// `nil` for a warning that no longer applies, or that a container's status explains better.
    fileprivate func text(isStarting: Bool) -> String? {
        switch reason {
        case "Failed", "BackOff": return nil
        case "Unhealthy": return isStarting ? nil : message
        // Once a container runs or waits for something else, the pod has a machine, a sandbox and its volumes.
        case "FailedScheduling": return isStarting ? "cannot be scheduled: \(message)" : nil
        case "FailedMount": return isStarting ? "a volume cannot be mounted: \(message)" : nil
        case "FailedAttachVolume":
            guard isStarting else { return nil }
            return message.contains("Multi-Attach")
                ? "a ReadWriteOnce volume is still attached to another machine, where the live colour may use it: \(message)"
                : "a volume cannot be attached: \(message)"
        case "FailedCreatePodSandBox": return isStarting ? "its sandbox cannot be created: \(message)" : nil
        default: return "\(reason): \(message)"
        }
    }
}
