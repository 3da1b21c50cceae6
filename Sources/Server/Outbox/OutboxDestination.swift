import Integrations
import Journal

/// A place outside to which messages about releases go.
package protocol OutboxDestination: Sendable {
    /// The name in lists, and in the journal: the same after every restart.
    var name: String { get }
    /// Messages tell how a release stands: an earlier one is not sent after a later one.
    var tellsState: Bool { get }
    /// Everything that is to be said of a release so far, in order: always the same for the same milestones.
    func messages(for milestones: [Milestone]) throws -> [NewNotification]
    /// Delivers a message. One that an earlier attempt has delivered is not delivered twice.
    /// - Returns: what the receiver answered, in one sentence.
    /// - Throws: `DeliveryFailure`, `CancellationError`, or the error of `context.record`.
    func deliver(_ notification: OutboxNotification, _ context: DeliveryContext) async throws -> String
    /// Closes its connections.
    func close() async
}
