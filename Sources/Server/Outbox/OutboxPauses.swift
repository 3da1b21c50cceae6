import HTTPTransport
import ReleaseMachine

extension Outbox {
    /// The pauses of a destination, one for each limit of the receiver: when it is asked again after it did not answer, or said when.
    struct Pauses: Sendable {
        private struct Pause {
            var until: Timestamp
            /// Attempts that failed since the last one that did not.
            var failures = 0
        }

        /// Receivers that ask for more are asked again nevertheless. A pause that seems to be longer is over: the clock was set back.
        static let longest = Duration.seconds(3600)
        private static let shortest = Duration.seconds(1)

        private var pauses: [String: Pause] = [:]

        func holds(_ limit: String, at now: Timestamp) -> Bool {
            pauses[limit].map { Self.lasts($0, at: now) } ?? false
        }

        /// When the next of them ends; `nil` when none holds anything.
        func nextEnd(after now: Timestamp) -> Timestamp? {
            pauses.values.filter { Self.lasts($0, at: now) }.map(\.until).min()
        }

        private static func lasts(_ pause: Pause, at now: Timestamp) -> Bool {
            now < pause.until && pause.until <= now + longest
        }

        mutating func end(_ limit: String) { pauses[limit] = nil }

        /// - Returns: until when the limit is paused.
        mutating func begin(_ limit: String, at now: Timestamp, atLeast least: Duration?) -> Timestamp {
            let failures = (pauses[limit]?.failures ?? 0) + 1
            let length = max(Outbox.backOff.backOff(attempt: failures), least ?? .zero)
            let until = now + min(length, Self.longest)
            pauses[limit] = Pause(until: until, failures: failures)
            return until
        }

        /// The receiver said when it takes more.
        /// - Returns: until when the limit is paused.
        mutating func rest(_ limit: String, at now: Timestamp, for length: Duration) -> Timestamp {
            let until = now + min(max(length, Self.shortest), Self.longest)
            pauses[limit] = Pause(until: until, failures: pauses[limit]?.failures ?? 0)
            return until
        }
    }
}
