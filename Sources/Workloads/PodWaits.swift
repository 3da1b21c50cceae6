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
