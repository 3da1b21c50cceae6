import Journal

/// Writes deliveries to the journal before they are answered. Those that arrive while a transaction is written go together into the next
/// one: ten thousand at once cost a few transactions, not ten thousand.
actor Inbox {
    private typealias Answer = CheckedContinuation<(id: Int, cameBefore: Bool), any Error>

    private let journal: Journal
    private var pending: [(delivery: NewDelivery, answer: Answer)] = []
    private var isWriting = false

    /// The most deliveries in one transaction.
    private static let batch = 500

    init(journal: Journal) {
        self.journal = journal
    }

    /// Returns when the delivery is on disk.
    func receive(_ delivery: NewDelivery) async throws -> (id: Int, cameBefore: Bool) {
        try await withCheckedThrowingContinuation { answer in
            pending.append((delivery, answer))
            guard !isWriting else { return }
            isWriting = true
            Task { await write() }
        }
    }

    private func write() async {
        while !pending.isEmpty {
            let batch = pending.prefix(Inbox.batch)
            pending.removeFirst(batch.count)
            do {
                let results = try await save(batch.map(\.delivery))
                for (waiting, result) in zip(batch, results) { waiting.answer.resume(returning: result) }
            } catch {
                for waiting in batch { waiting.answer.resume(throwing: error) }
            }
        }
        isWriting = false
    }

    /// Not on the actor: others arrive meanwhile.
    @concurrent private nonisolated func save(_ deliveries: [NewDelivery]) async throws -> [(id: Int, cameBefore: Bool)]
    {
        try await journal.receive(deliveries)
    }
}
