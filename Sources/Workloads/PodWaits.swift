import Controller
import ReleaseMachine

/// How long each pod has been in the same step or had the same transient problem. Only the time distinguishes a normal step from a
/// wait, and a transient problem from a permanent one.
struct PodWaits {
    /// A pod that is this long in a normal step is reported as waiting.
    static let longStep: Duration = .seconds(10)

    private struct Wait: Hashable {
        var step: String?
        var isTransient: Bool
        var since: Timestamp
    }

    private var waits: [String: Wait] = [:]
    private var emptySince: Timestamp?

    /// The warning for a candidate without any pod for which the cluster gives no reason.
    mutating func missingPodsWarning(isEmpty: Bool, at now: Timestamp) -> String? {
        guard isEmpty else {
            emptySince = nil
            return nil
        }
        let since = emptySince ?? now
        emptySince = since
        guard now - since >= PodWaits.longStep else { return nil }
        return "the cluster has not created a pod yet and gives no reason: its controller manager may not be running"
    }

    /// Adds what the waiting times mean at this moment to the diagnoses.
    mutating func updated(_ diagnoses: [PodDiagnosis], at now: Timestamp) -> [PodDiagnosis] {
        let names = Set(diagnoses.map(\.summary.name))
        waits = waits.filter { names.contains($0.key) }
        return diagnoses.map { updated($0, at: now) }
    }

    private mutating func updated(_ diagnosis: PodDiagnosis, at now: Timestamp) -> PodDiagnosis {
        let name = diagnosis.summary.name
        guard diagnosis.outlook != .ready else {
            waits[name] = nil
            return diagnosis
        }
        var diagnosis = diagnosis
        var wait = Wait(step: diagnosis.step, isTransient: false, since: now)
        if case .mustBecomeReady = diagnosis.outlook { wait.isTransient = true }
        // The message may change with each attempt; that the problem is transient does not.
        if let before = waits[name], before.isTransient == wait.isTransient,
            wait.isTransient || before.step == wait.step
        {
            wait.since = before.since
        }
        waits[name] = wait
        let time = now - wait.since
        if case .mustBecomeReady(let limit, let why) = diagnosis.outlook, time >= limit {
            diagnosis.outlook = .failed("\(why) (for \(limit.components.seconds / 60) minutes)", crashed: nil)
        }
        if diagnosis.summary.reason == nil, time >= PodWaits.longStep { diagnosis.summary.reason = diagnosis.step }
        return diagnosis
    }
}
