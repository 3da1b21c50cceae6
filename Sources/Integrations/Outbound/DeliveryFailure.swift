import Foundation
import HTTPTransport
import ReleaseMachine

/// Why a message was not delivered, and whether another attempt may help.
package struct DeliveryFailure: Error, Sendable, Hashable, CustomStringConvertible {
    package enum Kind: Sendable, Hashable {
        /// The receiver is down or busy: again later, after this time at the earliest where it said so. Other messages wait with it.
        case unavailable(after: Duration?)
        /// The receiver takes no more for now and has not acted on the message: again after this time.
        case limited(after: Duration)
        /// Another attempt would be answered the same way until somebody changes something; the description says what.
        case refused
    }

    package var kind: Kind
    /// One sentence without secrets: what happened, and what to do.
    package var description: String

    package init(_ kind: Kind, _ description: String) {
        self.kind = kind
        self.description = description
    }
}

/// What is known when a message is delivered, of the release and of earlier deliveries.
package struct DeliveryContext: Sendable {
    /// The receiver's id of what earlier messages about the same release made; `nil` where none is recorded.
    package var known: String?
    /// An earlier attempt may have reached the receiver although its answer was not recorded.
    package var isRepeated: Bool
    /// Reads the receiver's ids that belong to other releases.
    package var taken: @Sendable () async throws -> Set<String>
    /// Records the receiver's id as soon as it is known, before anything else is sent.
    package var record: @Sendable (String) async throws -> Void
    /// Reads the events of the release as the journal has them now; empty when it has none.
    package var events: @Sendable () async throws -> [RecordedEvent]

    package init(
        known: String? = nil, isRepeated: Bool = false,
        taken: @escaping @Sendable () async throws -> Set<String> = { [] },
        record: @escaping @Sendable (String) async throws -> Void = { _ in },
        events: @escaping @Sendable () async throws -> [RecordedEvent] = { [] }
    ) {
        self.known = known
        self.isRepeated = isRepeated
        self.taken = taken
        self.record = record
        self.events = events
    }

    /// The release as it is in the journal now; `nil` when it is not there.
    package func latest() async throws -> Release? { Release(folding: try await events()) }
}

/// A forge to which deployments are reported.
package protocol DeploymentForge: Sendable {
    /// Whether the forge has a repository of this host.
    func isHome(of repository: SourceRepository) -> Bool
    /// Whether a status says something that the forge does not know from the statuses before it.
    func tells(_ status: DeploymentReport.Status) -> Bool
    /// Reports a status. What an earlier attempt did is found again, not done twice.
    /// - Returns: what the forge answered, in one sentence.
    /// - Throws: `DeliveryFailure`, `CancellationError`, or the error of `context.record`.
    func deliver(_ report: DeploymentReport, _ context: DeliveryContext) async throws -> String
    /// Asks whether the forge accepts the token; writes nothing.
    /// - Throws: `DeliveryFailure` when it does not, or when the token may not write deployments; `CancellationError`.
    func checkToken() async throws -> ForgeToken
    func shutdown() async
}
