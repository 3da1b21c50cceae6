import Integrations
import Journal

/// A place outside to which messages about releases go.
package protocol OutboxDestination: Sendable {
    /// The name in lists, and in the journal: the same after every restart.
    var name: String { get }
    /// Messages tell how a release stands: an earlier one is not sent after a later one.
    var tellsState: Bool { get }
    /// How long after it happened something is news, where that is limited: an older message is not sent when there is a later one about the
    /// same release to send. One that a person asked to send again always is.
    var staleAfter: Duration? { get }
    /// Only milestones add messages: other events of a release need not be looked at.
    var tellsMilestonesOnly: Bool { get }
    /// Everything that is to be said of a release so far, in order: always the same for the same events. Called after every change of a
    /// release, so it does no more than it has to.
    func messages(for history: Milestones) throws -> [NewNotification]
    /// What the receiver limits together: when it refuses one message because of its rate, all of the same limit wait.
    func limit(of notification: OutboxNotification) -> String
    /// Delivers a message. One that an earlier attempt has delivered is not delivered twice. The destination's other messages wait
    /// meanwhile: an attempt takes 15 seconds at most, whatever the receiver does.
    /// - Throws: `DeliveryFailure`, `CancellationError`, or the error of `context.record`.
    func deliver(_ notification: OutboxNotification, _ context: DeliveryContext) async throws -> DeliveryOutcome
    /// Sends a message that says that it is a test.
    /// - Returns: what the receiver answered, in one sentence.
    /// - Throws: `DeliveryFailure` or `CancellationError`.
    func sendTest() async throws -> String
    /// Closes its connections.
    func close() async
}

extension OutboxDestination {
    package var tellsState: Bool { false }
    package var staleAfter: Duration? { nil }
    package var tellsMilestonesOnly: Bool { false }
    package func limit(of notification: OutboxNotification) -> String { "" }
}

/// How an attempt ended.
package enum DeliveryOutcome: Sendable, Hashable {
    /// What the receiver answered, in one sentence.
    case delivered(String)
    /// Nothing was sent: what it tells is over. Why, in one sentence.
    case obsolete(String)
}
