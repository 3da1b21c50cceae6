import ReleaseMachine

/// An event as a JSON object of `logs -o json`, the API and its streams: `type` is its name, the other fields depend on the type.
///
/// An interface: fields are added, never renamed or removed. Times are ISO 8601; durations are in milliseconds, or as in the
/// configuration (`10m`).
package struct EventFields: Encodable, Sendable, Hashable {
    package var type: String
    /// Who requested it, or resumed the release.
    package var by: String?
    /// The version for which a release is given up.
    package var version: String?
    package var reason: String?
    package var node: String?
    package var nodes: [String]?
    package var color: Color?
    package var phase: Phase?
    package var until: String?
    package var milliseconds: Int64?
    package var message: String?
    package var details: [String]?
    /// The effect that failed: `stage`, `switchNode`, …
    package var effect: String?
    /// Which step on the node failed.
    package var step: NodeStep?
    package var unreachable: Bool?
    /// The node or pod that `line` comes from; left out for the release itself.
    package var source: String?
    package var line: String?
    /// The number of the release that replaced this one, and whether that one was a rollback.
    package var release: Int?
    package var rolledBack: Bool?
    package var order: OrderView?
    package var survey: SurveyView?
    package var pods: PodsView?
    package var readings: [ReadingView]?
    /// What was still open when the drain ended.
    package var open: [OpenView]?

    private init(type: String) {
        self.type = type
    }

    package init(_ event: Event) {
        switch event {
        case .requested(let order):
            self.init(type: "requested")
            self.order = OrderView(order)
        case .promoted(let by):
            self.init(type: "promoted")
            self.by = by
        case .approved(let by):
            self.init(type: "approved")
            self.by = by
        case .promotionForced(let by, let reason):
            self.init(type: "promotionForced")
            (self.by, self.reason) = (by, reason)
        case .abortRequested(let by, let reason):
            self.init(type: "abortRequested")
            (self.by, self.reason) = (by, reason)
        case .supersedeRequested(let version, let by):
            self.init(type: "supersedeRequested")
            (self.by, self.version) = (by, version)
        case .lossAccepted(let by, let reason, _, let readings):
            self.init(type: "lossAccepted")
            (self.by, self.reason) = (by, reason)
            self.readings = readings.map { ReadingView($0) }
        case .discovered(let survey):
            self.init(type: "discovered")
            self.survey = SurveyView(survey)
        case .candidateCreated: self.init(type: "candidateCreated")
        case .candidateDelayed(let until):
            self.init(type: "candidateDelayed")
            self.until = until.iso8601
        case .podsObserved(let report):
            self.init(type: "podsObserved")
            pods = PodsView(report)
        case .podsChanged(let change):
            // A difference is the journal's way of writing: `EventView` has the whole report.
            self.init(type: "podsObserved")
            pods = PodsView(PodsReport(change))
        case .podsReady: self.init(type: "podsReady")
        case .nodePrepared(let node): self.init(type: "nodePrepared", node: node)
        case .nodeStaged(let node): self.init(type: "nodeStaged", node: node)
        case .candidateConfirmed: self.init(type: "candidateConfirmed")
        case .nodeSwitched(let node): self.init(type: "nodeSwitched", node: node)
        case .nodeReverted(let node): self.init(type: "nodeReverted", node: node)
        case .nodeFailed(let step, let problem):
            self.init(type: "nodeFailed", node: problem.node)
            (self.step, unreachable, message) = (step, problem.isUnreachable, problem.message)
        case .nodesLeft(let nodes):
            self.init(type: "nodesLeft")
            self.nodes = nodes
        case .liveRecorded(let color):
            self.init(type: "liveRecorded")
            self.color = color
        case .drained(let evidence):
            self.init(type: "drained")
            open = evidence.open.map { OpenView($0) }
        case .readBack(let readings):
            self.init(type: "readBack")
            self.readings = readings.map { ReadingView($0) }
        case .oldRemoved: self.init(type: "oldRemoved")
        case .oldRetained(let until):
            self.init(type: "oldRetained")
            self.until = until.iso8601
        case .candidateRemoved: self.init(type: "candidateRemoved")
        case .refused(let effect, let message, let details):
            self.init(type: "refused", effect)
            (self.message, self.details) = (message, details)
        case .troubled(let effect, let message):
            self.init(type: "troubled", effect)
            self.message = message
        case .deadlinePassed(let phase):
            self.init(type: "deadlinePassed")
            self.phase = phase
        case .takenUp(let by):
            self.init(type: "takenUp")
            self.by = by
        case .resumed(let milliseconds):
            self.init(type: "resumed")
            self.milliseconds = milliseconds
        case .said(let line):
            self.init(type: "said")
            (source, self.line) = (line.source, line.text)
        case .replaced(let by, let rolledBack):
            self.init(type: "replaced")
            (release, self.rolledBack) = (by, rolledBack)
        }
    }

    private init(type: String, node: String) {
        self.init(type: type)
        self.node = node
    }

    private init(type: String, _ effect: Effect) {
        self.init(type: type)
        node = effect.node
        switch effect {
        case .survey: self.effect = "survey"
        case .createCandidate: self.effect = "createCandidate"
        case .awaitPods: self.effect = "awaitPods"
        case .prepare: self.effect = "prepare"
        case .stage: self.effect = "stage"
        case .confirmCandidate: self.effect = "confirmCandidate"
        case .switchNode: self.effect = "switchNode"
        case .revertNode: self.effect = "revertNode"
        case .recordLive(let color):
            self.effect = "recordLive"
            self.color = color
        case .drain: self.effect = "drain"
        case .readBack: self.effect = "readBack"
        case .removeOld: self.effect = "removeOld"
        case .retainOld: self.effect = "retainOld"
        case .removeCandidate: self.effect = "removeCandidate"
        }
    }
}
