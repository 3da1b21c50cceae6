import ReleaseMachine

/// Where everything that concerns a running release comes in, to be taken up one by one.
struct Inbox: Sendable {
    enum Message: Sendable {
        case event(Event)
        /// An effect is over; without an error it has said all through its events.
        case ended(Effect, (any Error)?)
        case tick
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
