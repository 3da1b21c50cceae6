import Controller
import Foundation
import Integrations
import Journal
import Logging
import ReleaseMachine

/// What people in Slack ask for: written to the journal first, then acknowledged, then acted on.
package actor SlackRequests {
    /// What became of a request before it is acknowledged.
    package enum Receipt: Sendable, Hashable {
        /// It is in the journal, and will be acted on.
        case written
        /// It came before: nothing happens.
        case repeated
        /// Too many requests of one person: nothing happens. The sentence says when to try again.
        case tooMany(String)
    }

    private let journal: Journal
    private let clock: any ReleaseClock
    private let logger: Logger
    /// Requests by person.
    private let pace = RateLimit(most: 30, within: .seconds(60))
    private let wakeup = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))

    init(journal: Journal, clock: any ReleaseClock, logger: Logger) {
        self.journal = journal
        self.clock = clock
        self.logger = logger
    }

    /// Writes a request to the journal, from where `run` takes it. Slack may be told that it arrived as soon as this returns. `id` tells a
    /// repeated request apart.
    package nonisolated func receive(_ request: SlackRequest, id: String) throws -> Receipt {
        if let excess = pace.count("\(request.team) \(request.user.id)") {
            let seconds = max(1, Int(excess.wait.components.seconds))
            return .tooMany("Too many requests: nothing was done. Try again in \(counted(seconds, "second")).")
        }
        let text = String(decoding: try JSONEncoder().encode(request), as: UTF8.self)
        guard try journal.add(WrittenSlackRequest(id: id, at: clock.now, request: text)) else { return .repeated }
        wakeup.continuation.yield()
        return .written
    }
}
