/// A counting semaphore: at most a number of tasks hold a slot, the others wait in order.
actor ConcurrencyLimit {
    private var free: Int
    private var waiting: [(ticket: Int, continuation: CheckedContinuation<Bool, Never>)] = []
    private var nextTicket = 0

    init(_ count: Int) {
        free = max(1, count)
    }

    /// Waits for a slot.
    /// - Throws: `CancellationError`; no slot is held then.
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
            // Not awaited: it only sends a message to the actor and ends immediately.
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

/// The start of a conversation: holds a slot until the node's first output, or for `timeout`.
actor ConversationStart {
    private let limit: ConcurrencyLimit
    private let timeout: Duration
    private var isHeld = true

    init(_ limit: ConcurrencyLimit, timeout: Duration) async throws {
        self.limit = limit
        self.timeout = timeout
        try await limit.acquire()
    }

    func release() async {
        guard isHeld else { return }
        isHeld = false
        await limit.release()
    }

    nonisolated func heldWhile<Value: Sendable>(
        _ body: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        try await withThrowingTaskGroup(of: Value?.self) { group in
            group.addTask { try await body() }
            group.addTask {
                // A frozen node delays other nodes by at most this time. When the conversation ends earlier, the sleep is cancelled and the
                // slot is released.
                try? await Task.sleep(for: self.timeout)
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
