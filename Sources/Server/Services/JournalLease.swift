import Journal

/// A duty that one of the servers on a journal does for all of them, such as repairing nodes. The first to ask has it, until it stops or is
/// gone.
package struct JournalLease: Sendable {
    package let name: String
    private let presence: ServerPresence

    init(_ name: String, _ presence: ServerPresence) {
        self.name = name
        self.presence = presence
    }

    /// Whether the duty is this server's now: it may begin what takes a few seconds, and asks again before the next thing.
    package func isHeld() async -> Bool {
        guard await presence.isSeen else { return false }
        return await (try? presence.journal.claim(Claim(.duty, name), for: presence.id)) ?? false
    }
}
