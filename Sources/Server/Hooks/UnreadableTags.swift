import Integrations
import ReleaseMachine

/// Tags that were asked for in vain: what they point at is no image, or the registry does not give it. They are not asked for again with every
/// list.
struct UnreadableTags: Sendable {
    private struct Known: Sendable {
        /// How often in a row the registry gave no answer for it.
        var failures = 0
        var skippedUntil: Timestamp?
    }

    private var tags: [String: Known] = [:]

    private static let length = Duration.seconds(3600)
    /// After so many failures that may be temporary, the others no longer wait for this tag.
    private static let mostFailures = 3

    func skips(_ tag: String, at now: Timestamp) -> Bool {
        tags[tag]?.skippedUntil.map { now < $0 } ?? false
    }

    /// There is no image.
    mutating func noteNoImage(_ tag: String, at now: Timestamp) {
        tags[tag] = Known(skippedUntil: now + UnreadableTags.length)
    }

    mutating func noteImage(_ tag: String) { tags[tag] = nil }

    /// - Returns: whether the error is this tag's own: the list goes on without it.
    mutating func note(_ error: RegistryError, for tag: String, at now: Timestamp) -> Bool {
        switch error.kind {
        case .invalidAnswer, .digestMismatch, .tooLarge:
            noteNoImage(tag, at: now)
            return true
        case .noAnswer, .serverError:
            tags[tag, default: Known()].failures += 1
            guard tags[tag]?.failures ?? 0 >= UnreadableTags.mostFailures else { return false }
            noteNoImage(tag, at: now)
            return true
        case .unreachable, .tls, .credentialsRequired, .credentialsRefused, .forbidden, .noSuchRepository,
            .tooManyRequests, .insecure, .configuration, .cancelled:
            return false
        }
    }
}
