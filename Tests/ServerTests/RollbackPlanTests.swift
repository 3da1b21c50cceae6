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
        digest: String? = nil,
        isReplaced: Bool = true,
        wasLeft: Bool = false
    ) throws -> Release {
        let candidate = previous.color.other
        let order = Order(
            app: "blog", number: number, kind: kind, version: version,
            image: "registry.local:5000/blog:\(version)" + (digest.map { "@\($0)" } ?? ""), requestedBy: "anna")
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

    private static func choice(_ version: String) -> RollbackPlan.Choice {
        RollbackPlan.Choice(name: version, reference: version)
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
        #expect(plan.target == Self.choice("v1"))
        #expect(plan.versions == [Self.choice("v1"), Self.choice("v3")])
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
        #expect(plan.versions == [Self.choice("v1")])
    }

    @Test("of several images with one tag each is named with its digest, and chosen by it")
    func digests() throws {
        func digest(_ character: Character) -> String { "sha256:" + String(repeating: character, count: 64) }
        let history = [
            try Self.release(
                4, "latest", after: LiveVersion(color: .blue, version: "latest"), digest: digest("c"), isReplaced: false
            ),
            try Self.release(3, "latest", after: LiveVersion(color: .green, version: "latest"), digest: digest("b")),
            try Self.release(2, "latest", after: LiveVersion(color: .blue, version: "v1"), digest: digest("a")),
            try Self.release(1, "v1", after: LiveVersion(color: .green, version: "v0")),
        ]
        let plan = RollbackPlan(history: history, live: LiveVersion(color: .green, version: "latest"))
        let target = RollbackPlan.Choice(
            name: "latest (sha256:bbbbbbbb…)", reference: "latest@\(digest("b"))")
        #expect(plan.target == target)
        #expect(
            plan.versions.map(\.name) == ["latest (sha256:bbbbbbbb…)", "latest (sha256:aaaaaaaa…)", "v1"])
        #expect(
            plan.effects(to: target) == [
                "latest (sha256:bbbbbbbb…) starts on blue; the nodes switch when all of them have staged it.",
                "latest (sha256:cccccccc…) on green is deleted after the drain.",
            ])
    }
}
