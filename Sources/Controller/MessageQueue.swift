import ReleaseMachine
import Synchronization

/// What running effects and others report to a running release. All that has come is taken at once: results that come while the journal
/// is being written are appended together.
final class MessageQueue: Sendable {
    enum Result: Sendable {
        case event(Event)
        /// An effect ended; its results are in its events.
        case ended(Effect, (any Error)?)
    }

    struct Messages: Sendable {
        /// In the order in which they came.
        var results: [Result] = []
        var hasTicked = false
        /// Another process may have appended events.
        var hasJournalChanged = false
    }

    /// An element when there are messages; after a cancellation the stream ends.
    let signals: AsyncStream<Void>
    private let continuation: AsyncStream<Void>.Continuation
    private let messages = Mutex(Messages())

    init() {
        (signals, continuation) = AsyncStream.makeStream(
            of: Void.self, bufferingPolicy: .bufferingNewest(1))
    }

    func send(_ result: Result) { add { $0.results.append(result) } }
    func tick() { add { $0.hasTicked = true } }
    func journalHasChanged() { add { $0.hasJournalChanged = true } }

    func take() -> Messages {
        messages.withLock { messages in
            defer { messages = Messages() }
            return messages
        }
    }

    private func add(_ change: (inout Messages) -> Void) {
        messages.withLock { change(&$0) }
        continuation.yield()
    }
}
