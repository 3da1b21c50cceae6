import Controller
import ReleaseMachine
import Testing

@testable import Server

@Suite("Deploy statistics")
struct StatisticsTests {
    static let day: Int64 = 86_400_000

    /// A release that started on `day`, switched an hour later, and whose commit was two hours before its start.
    private func digest(
        _ number: Int,
        day: Int64,
        _ state: Release.State,
        isRollback: Bool = false,
        replacedBy: Int? = nil
    ) -> ReleaseSummary {
        let hour = Duration.seconds(3600)
        let start = Timestamp(milliseconds: day * Self.day)
        var order = Order(
            app: "blog", number: number, kind: isRollback ? .rollback(from: number - 1) : .deploy,
            version: "v\(number)",
            image: "blog:v\(number)", requestedBy: "anna")
        order.commitTime = start + .seconds(-3600)
        guard let release = Release(RecordedEvent(sequence: 1, at: start, event: .requested(order))) else {
            fatalError("the first event begins a release")
        }
        var digest = ReleaseSummary(release)
        digest.state = state
        digest.hasBeenLive = state == .live || state == .superseded || replacedBy != nil
        digest.replacedBy = replacedBy
        digest.endedAt = start + hour + hour
        digest.phases = [
            PhaseSpan(phase: .starting, startedAt: start, endedAt: start + .seconds(600)),
            PhaseSpan(phase: .switching, startedAt: start + .seconds(600), endedAt: start + hour),
            PhaseSpan(phase: .draining, startedAt: start + hour, endedAt: start + hour + hour),
        ]
        return digest
    }

    @Test("frequency, lead time, failure rate, time to restore, the slowest phase")
    func measures() {
        let history = [
            digest(6, day: 100, .failed),
            digest(5, day: 99, .live),
            digest(4, day: 98, .superseded, isRollback: true),
            digest(3, day: 97, .rolledBack, replacedBy: 4),
            digest(2, day: 96, .superseded),
            digest(1, day: 10, .superseded),
        ]
        let measures = StatisticsView.Measures(history, since: Timestamp(milliseconds: 90 * Self.day), days: 10)
        #expect(measures.deployments == 3 && measures.perDay == 0.3)
        #expect(measures.leadTimeSeconds == 7200)
        #expect(measures.changes == 3 && measures.failedChanges == 1)
        #expect(measures.changeFailureRate == 1.0 / 3)
        #expect(measures.timeToRestoreSeconds == 86_400)
        #expect(measures.outcomes == ["failed": 1, "live": 1, "superseded": 2, "rolledBack": 1])
        #expect(measures.slowestPhase == .init(phase: .switching, seconds: 3000))
    }

    @Test("without releases there are no numbers")
    func nothing() async throws {
        let empty = StatisticsView.Measures([], since: Timestamp(milliseconds: 0), days: 30)
        #expect(empty.deployments == 0 && empty.changeFailureRate == nil && empty.slowestPhase == nil)
        try await withServer { server in
            let answer = try await server.get("/api/v1/stats")
            #expect(answer.status == 200 && answer.json["overall"]["deployments"].integer == 0, "\(answer)")
            #expect(try await server.get("/api/v1/stats?days=0").field == "days")
            #expect(try await server.get("/api/v1/stats?app=nope").status == 404)
        }
    }
}
