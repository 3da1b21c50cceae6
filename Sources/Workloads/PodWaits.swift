import Controller
import ReleaseMachine

/// How long each pod has been waiting for the same thing: time alone tells a step from a wait, and trouble that passes from trouble
/// that stays.
struct PodWaits {
    /// A pod that stands this long in a step that every pod takes is waiting there.
    static let longStep: Duration = .seconds(10)

    private struct Wait: Hashable {
        var step: String?
        var isPassing: Bool
        var since: Timestamp
    }

    private var waits: [String: Wait] = [:]
    private var emptySince: Timestamp?

    /// What is to be said of a candidate that has no pod at all, for which nobody else gave a reason.
    mutating func absence(isEmpty: Bool, at now: Timestamp) -> String? {
        guard isEmpty else {
            emptySince = nil
            return nil
        }
        let since = emptySince ?? now
        emptySince = since
        guard now - since >= PodWaits.longStep else { return nil }
        return "the cluster has made no pod yet, and does not say why: its controller manager may be away"
    }

    /// The diagnoses as they are at this moment.
    mutating func settled(_ diagnoses: [PodDiagnosis], at now: Timestamp) -> [PodDiagnosis] {
        let names = Set(diagnoses.map(\.summary.name))
        waits = waits.filter { names.contains($0.key) }
        return diagnoses.map { settled($0, at: now) }
    }

    private mutating func settled(_ diagnosis: PodDiagnosis, at now: Timestamp) -> PodDiagnosis {
        let name = diagnosis.summary.name
        guard diagnosis.outlook != .ready else {
            waits[name] = nil
            return diagnosis
        }
        var diagnosis = diagnosis
        var wait = Wait(step: diagnosis.step, isPassing: false, since: now)
        if case .mustCome = diagnosis.outlook { wait.isPassing = true }
        // Its words change from try to try; that it is one of the passing kind does not.
        if let before = waits[name], before.isPassing == wait.isPassing, wait.isPassing || before.step == wait.step {
            wait.since = before.since
        }
        waits[name] = wait
        let time = now - wait.since
        if case .mustCome(let limit, let why) = diagnosis.outlook, time >= limit {
            diagnosis.outlook = .hopeless("\(why) (for \(limit.components.seconds / 60) minutes)", crashed: nil)
        }
        if diagnosis.summary.reason == nil, time >= PodWaits.longStep { diagnosis.summary.reason = diagnosis.step }
        return diagnosis
    }
}
