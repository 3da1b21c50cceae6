import Foundation
import ReleaseMachine
import Testing

@testable import Journal

extension EveryJournal {
    @Suite("How long deliveries are kept")
    struct ForgetDeliveriesTests {
        private let day = Duration.seconds(86_400)
        private let now = Sample.start

        private func delivery(daysAgo days: Int, outcome: String? = nil) -> NewDelivery {
            NewDelivery(
                at: now + (.zero - day * days), sender: "registry", key: nil, kind: "push", origin: "test",
                events: "[]",
                outcome: outcome)
        }

        private func result(_ state: DeliveryResult.State) -> DeliveryResult {
            DeliveryResult(app: "blog", version: "v1", state: state, sentence: "x")
        }

        private func forget(_ journal: Journal) async throws {
            try await journal.forgetDeliveries(
                before: now + (.zero - day * 90), unconcerningBefore: now + (.zero - day * 3))
        }

        @Test(
            "those that concerned no app 3 days, others 90 days, and what is not done as long as it takes",
            arguments: Backend.here)
        func ages(_ backend: Backend) async throws {
            let place = try await backend.place()
            let journal = try place.open()
            let rows: [(days: Int, state: DeliveryResult.State?, isGivenUp: Bool, isDone: Bool, isKept: Bool)] = [
                (4, nil, false, true, false), (2, nil, false, true, true),
                (4, nil, true, true, true), (91, nil, true, true, false),
                (4, nil, false, false, true), (91, nil, false, false, true),
                (4, .ignored, false, true, true), (89, .started, false, true, true), (91, .started, false, true, false),
                (91, .waiting, false, true, true), (91, .starting, false, true, true),
                (91, .refused, false, true, false),
            ]
            let ids = try await journal.receive(rows.map { delivery(daysAgo: $0.days) }).map(\.id)
            for (row, id) in zip(rows, ids) where row.isDone {
                try await journal.finish(
                    delivery: id, outcome: "x", isGivenUp: row.isGivenUp, results: row.state.map { [result($0)] } ?? [])
            }
            try await forget(journal)
            for (row, id) in zip(rows, ids) {
                let known = try await journal.delivery(id)
                #expect((known != nil) == row.isKept, "\(row)")
            }
        }

        @Test("ten thousand are deleted, with their results, between what others write", arguments: Backend.here)
        func many(_ backend: Backend) async throws {
            let place = try await backend.place()
            let journal = try place.open()
            let old = try await journal.receive((0..<10_000).map { _ in delivery(daysAgo: 100, outcome: "x") }).map(
                \.id)
            for id in old.prefix(10) { try await journal.record(result(.ignored), of: id) }
            let new = try await journal.receive([delivery(daysAgo: 0, outcome: "x")])[0].id
            try await forget(journal)
            #expect(try await journal.deliveries(limit: 20).map(\.id) == [new])
            #expect(try await journal.deliveries(limit: 20, apps: ["blog"]).isEmpty)
        }
    }
}
