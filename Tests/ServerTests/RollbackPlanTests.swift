import ReleaseMachine
import Testing

@testable import Server

@Suite("The version that the app's page rolls back to")
struct RollbackPlanTests {
    /// A release that went live, and was replaced by the next one if `isReplaced`.
    private static func release(
        _ number: Int,
        _ version: String,
        after previous: LiveVersion,
        kind: Order.Kind = .deploy,
        isReplaced: Bool = true,
        wasLeft: Bool = false
    ) throws -> Release {
        let candidate = previous.color.other
        let order = Order(
            app: "blog", number: number, kind: kind, version: version, image: "registry.local:5000/blog:\(version)",
            requestedBy: "anna")
        let survey = Survey(live: previous, candidate: candidate, replicas: 1, nodes: ["10.122.43.70"])
        var events: [Event] = [
            .requested(order), .discovered(survey), .candidateCreated, .podsReady, .nodeStaged(node: "10.122.43.70"),
            .candidateConfirmed, .nodeSwitched(node: "10.122.43.70"), .liveRecorded(candidate),
            .drained(DrainEvidence()), .readBack([NodeReading(node: "10.122.43.70", color: candidate)]), .oldRemoved,
        ]
        if isReplaced { events.append(.replaced(by: number + 1, rolledBack: wasLeft)) }
        let start = Timestamp(milliseconds: 1_445_783_643_000)
        return try #require(
            Release(
                folding: events.enumerated().map { RecordedEvent(sequence: $0 + 1, at: start, event: $1) }))
    }

    @Test("after a rollback the target is an older version, not the one that was rolled back")
    func behindRollback() throws {
        let history = [
            try Self.release(
                4, "v2", after: LiveVersion(color: .blue, version: "v3"), kind: .rollback(from: 3), isReplaced: false),
            try Self.release(3, "v3", after: LiveVersion(color: .green, version: "v2"), wasLeft: true),
            try Self.release(2, "v2", after: LiveVersion(color: .blue, version: "v1")),
            try Self.release(1, "v1", after: LiveVersion(color: .green, version: "v0")),
        ]
        #expect(history.map(\.state) == [.live, .rolledBack, .superseded, .superseded])
        let plan = RollbackPlan(history: history, live: LiveVersion(color: .green, version: "v2"))
        #expect(plan.target == "v1")
        #expect(plan.versions == ["v1", "v3"])
    }

    @Test("without a known previous version there is no target, and others can be chosen")
    func nothingBefore() throws {
        let history = [
            try Self.release(
                2, "v0", after: LiveVersion(color: .blue, version: "v1"), kind: .rollback(from: 1), isReplaced: false),
            try Self.release(1, "v1", after: LiveVersion(color: .green, version: "v0"), wasLeft: true),
        ]
        let plan = RollbackPlan(history: history, live: LiveVersion(color: .green, version: "v0"))
        #expect(plan.target == nil)
        #expect(plan.versions == ["v1"])
    }
}
