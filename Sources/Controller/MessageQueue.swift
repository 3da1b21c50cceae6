import ReleaseMachine

/// The messages to a running release, handled one by one.
struct MessageQueue: Sendable {
    enum Message: Sendable {
        case event(Event)
        /// An effect ended; its results are in its events.
        case ended(Effect, (any Error)?)
        case tick
        /// Another process may have appended events.
        case journalChanged
        case leaseLost(LeaseLost)
    }

    let messages: AsyncStream<Message>
    private let continuation: AsyncStream<Message>.Continuation

    init() {
        // Unbounded, but fed only by effects that report changes and by a slow tick.
        (messages, continuation) = AsyncStream.makeStream(of: Message.self)
    }

    func send(_ message: Message) {
        continuation.yield(message)
    }
}
