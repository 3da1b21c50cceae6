import Controller
import ReleaseMachine

/// The journal as one process sees it.
struct ProcessJournal: ReleaseJournal {
    let journal: SimulatedJournal
    let process: SimulatedProcess
    let mistake: JournalMistake?

    func append(_ events: [RecordedEvent], app: String, number: Int) async throws {
        try process.check()
        do {
            try await attempt(events, number)
        } catch {
            try process.check()
            throw error
        }
        try process.check()
    }

    private func attempt(_ events: [RecordedEvent], _ number: Int) async throws {
        switch mistake {
        case nil, .isNotCompared: try await journal.append(events, number: number)
        case .acknowledgesBeforeWriting: journal.writeLater(events, number: number)
        case .ignoresConflicts:
            do { try await journal.append(events, number: number) } catch is JournalConflict {}
        case .ignoresFailures:
            do { try await journal.append(events, number: number) } catch is JournalUnavailable {}
        case .repeatsAsNew:
            do {
                try await journal.append(events, number: number)
            } catch let error as JournalUnavailable where error.isUnknown {
                let last = journal.events(number).count
                var again = events
                for index in again.indices { again[index].sequence = last + index + 1 }
                try await journal.append(again, number: number)
            }
        }
    }

    private func read<T: Sendable>(_ body: (SimulatedJournal) -> T) async throws -> T {
        try process.check()
        let value = try await journal.read(body)
        try process.check()
        return value
    }

    func events(app: String, number: Int, after sequence: Int) async throws -> [RecordedEvent] {
        try await read { $0.events(number, after: sequence) }
    }

    func releases(app: String, limit: Int, before: Int?) async throws -> [Release] {
        try await read { journal in
            Array(journal.releases.filter { $0.order.number < before ?? .max }.prefix(limit))
        }
    }

    func lastNumber(app: String) async throws -> Int {
        try await read { $0.releases.first?.order.number ?? 0 }
    }
    func versions(app: String, tag: String) async throws -> [PushedVersion] {
        try await read { _ in [] }
    }
    func queuedVersion(app: String) async throws -> PushedVersion? { try await read { _ in nil } }
    func locks(at now: Timestamp) async throws -> [ReleaseLock] { try await read { _ in [] } }
    func addAutomatic(_ lock: ReleaseLock) async throws { _ = try await read { _ in } }
    func changes(of app: String) -> AsyncStream<Void> { journal.changes() }
}
