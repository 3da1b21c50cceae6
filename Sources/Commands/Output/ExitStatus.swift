import Controller
import ReleaseMachine

extension Outcome {
    /// The exit status of a verb that ran the release.
    var exitStatus: ExitStatus {
        switch release.state {
        case .paused: .paused
        case .running: .couldNot
        case _ where !release.needRepair.isEmpty || release.isOldColorInUse: .needsRepair
        case .live, .superseded: .done
        case .failed: .failed
        case .aborted, .rolledBack: .aborted
        }
    }
}

/// The exit statuses of all verbs.
enum ExitStatus: Int32, Codable {
    case done = 0
    case couldNot = 1
    case failed = 2
    case paused = 3
    case aborted = 4
    case needsRepair = 5
    case usage = 64
    case busy = 75
    case interrupted = 130
}
