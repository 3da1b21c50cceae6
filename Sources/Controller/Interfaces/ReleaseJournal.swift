import ReleaseMachine

/// The journal as the engine uses it. Every event is appended before anything acts on it. It may be on another machine.
package protocol ReleaseJournal: Sendable {
    /// Appends events with their `sequence`s, all of them or none.
    /// - Throws: `JournalConflict` when they do not follow the release's last event: another process has appended one with the first number,
    ///   or the event before it is not there (any more); `JournalUnavailable` when the journal does not answer.
    func append(_ events: [RecordedEvent], app: String, number: Int) async throws
    func events(app: String, number: Int, after sequence: Int) async throws -> [RecordedEvent]
    /// The release, where it was older than what the journal keeps: its events were deleted.
    func deletedRelease(app: String, number: Int) async throws -> DeletedRelease?
    /// At most `limit` releases of an app, newest first, with numbers below `before`.
    func releases(app: String, limit: Int, before: Int?) async throws -> [Release]
    /// The highest number of a release of the app; 0 when it has none.
    func lastNumber(app: String) async throws -> Int
    /// The known versions of an app with this tag: first the image that was pushed last.
    func versions(app: String, tag: String) async throws -> [PushedVersion]
    /// The version of an app that waits to be released.
    func queuedVersion(app: String) async throws -> PushedVersion?
    /// The locks that hold at a time, of all apps.
    func locks(at now: Timestamp) async throws -> [ReleaseLock]
    /// Locks the lock's app for automatic releases, unless a lock does that already. Of several at one moment one is added.
    func addAutomatic(_ lock: ReleaseLock) async throws
    /// An element at once, and one after events of the app's releases were appended, by whichever process; several may be one element.
    func changes(of app: String) -> AsyncStream<Void>
}

extension ReleaseJournal {
    package func deletedRelease(app: String, number: Int) async throws -> DeletedRelease? { nil }

    package func append(_ event: RecordedEvent, app: String, number: Int) async throws {
        try await append([event], app: app, number: number)
    }
}

/// Another process appended to the same release first.
package struct JournalConflict: Error, CustomStringConvertible {
    package init() {}

    package var description: String { "another process wrote to the journal at the same time: run the command again" }
}

/// The journal does not answer.
package struct JournalUnavailable: Error, Sendable, CustomStringConvertible {
    /// What happened, what serves, and what to do.
    package var description: String
    /// What was to be appended may be there all the same: the answer was lost.
    package var isUnknown: Bool

    package init(_ description: String, isUnknown: Bool) {
        self.description = description
        self.isUnknown = isUnknown
    }
}
