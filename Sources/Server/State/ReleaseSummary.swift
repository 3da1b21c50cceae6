import ReleaseMachine

/// The parts of a release that statistics and usual times need.
package struct ReleaseSummary: Sendable, Hashable {
    package var app: String
    package var number: Int
    package var version: String
    package var isRollback: Bool
    package var state: Release.State
    package var hasBeenLive: Bool
    package var needsRepair: Bool
    package var replacedBy: Int?
    package var requestedBy: String
    package var createdAt: Timestamp
    package var endedAt: Timestamp?
    package var commitTime: Timestamp?
    package var phases: [PhaseSpan]

    /// Nothing changes it any more.
    var isFinal: Bool { state.hasEnded && state != .live }

    init(_ release: Release) {
        app = release.order.app
        number = release.order.number
        version = release.order.version
        isRollback = release.order.isRollback
        state = release.state
        hasBeenLive = release.hasBeenLive
        needsRepair = !release.needRepair.isEmpty
        replacedBy = release.replacedBy
        requestedBy = release.order.requestedBy
        createdAt = release.createdAt
        endedAt = release.endedAt
        commitTime = release.order.commitTime
        phases = release.spans
    }
}
