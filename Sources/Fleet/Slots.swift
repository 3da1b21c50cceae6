/// A number of places of which each can be held by one task; the others wait in line.
actor Slots {
    private var free: Int
    private var waiting: [(ticket: Int, continuation: CheckedContinuation<Bool, Never>)] = []
    private var nextTicket = 0

    init(_ count: Int) {
        free = max(1, count)
    }

    /// Waits for a place.
    /// - Throws: `CancellationError`; no place is held then.
    func acquire() async throws {
        try Task.checkCancellation()
        if free > 0 {
            free -= 1
            return
        }
        let ticket = nextTicket
        nextTicket += 1
        let granted = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                if Task.isCancelled {
                    continuation.resume(returning: false)
                } else {
                    waiting.append((ticket, continuation))
                }
            }
        } onCancel: {
            // Only a message to the actor: it ends at once, and nobody needs its end.
            Task { await self.cancel(ticket) }
        }
        guard granted else { throw CancellationError() }
    }

    func release() {
        if waiting.isEmpty {
            free += 1
        } else {
            waiting.removeFirst().continuation.resume(returning: true)
        }
    }

    private func cancel(_ ticket: Int) {
        guard let index = waiting.firstIndex(where: { $0.ticket == ticket }) else { return }
        waiting.remove(at: index).continuation.resume(returning: false)
    }
}

/// The start of a conversation: a place that is held until the node says its first word, or for as long as `patience`.
actor Start {
    private let slots: Slots
    private let patience: Duration
    private var isHeld = true

    init(_ slots: Slots, patience: Duration) async throws {
        self.slots = slots
        self.patience = patience
        try await slots.acquire()
    }

    func release() async {
        guard isHeld else { return }
        isHeld = false
        await slots.release()
    }

    nonisolated func heldWhile<Value: Sendable>(
        _ body: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        try await withThrowingTaskGroup(of: Value?.self) { group in
            group.addTask { try await body() }
            group.addTask {
                // A frozen node costs its own deadline, and the others this much at most. Where the conversation is over before, this
                // is cancelled, and the place is given back all the same.
                try? await Task.sleep(for: self.patience)
                await self.release()
                return nil
            }
            defer { group.cancelAll() }
            while let next = try await group.next() {
                if let value = next { return value }
            }
            throw CancellationError()
        }
    }
}
