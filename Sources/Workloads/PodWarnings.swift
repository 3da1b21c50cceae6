/// The warning events about one pod, which know what its status does not: why a pull failed, what a probe answered.
struct PodWarnings: Hashable, ExpressibleByDictionaryLiteral {
    struct Warning: Hashable {
        var reason: String
        var message: String
    }

    /// The last of each reason, the newest at the end.
    private(set) var all: [Warning] = []

    init(dictionaryLiteral elements: (String, String)...) {
        for (reason, message) in elements { take(Warning(reason: reason, message: message)) }
    }

    mutating func take(_ warning: Warning) {
        all.removeAll { $0.reason == warning.reason }
        all.append(warning)
    }

    subscript(reason: String) -> String? { all.last { $0.reason == reason }?.message }

    /// The newest that is still true of the pod, in plain words. `isBeginning`: none of its containers has been made yet.
    func trouble(isBeginning: Bool) -> String? {
        all.reversed().lazy.compactMap { $0.words(isBeginning: isBeginning) }.first
    }
}

extension PodWarnings.Warning {
    /// nil for what is over, and for what a container's own status tells better.
    fileprivate func words(isBeginning: Bool) -> String? {
        switch reason {
        case "Failed", "BackOff": return nil
        case "Unhealthy": return isBeginning ? nil : message
        // Once a container runs, or waits for something else, the pod has a machine, a sandbox and its volumes.
        case "FailedScheduling": return isBeginning ? "no node has room: \(message)" : nil
        case "FailedMount": return isBeginning ? "a volume cannot be mounted: \(message)" : nil
        case "FailedAttachVolume":
            guard isBeginning else { return nil }
            return message.contains("Multi-Attach")
                ? "a ReadWriteOnce volume is still on another machine, where the live colour may be using it: \(message)"
                : "a volume cannot be attached: \(message)"
        case "FailedCreatePodSandBox": return isBeginning ? "its sandbox cannot be made: \(message)" : nil
        default: return "\(reason): \(message)"
        }
    }
}
