import ReleaseMachine

/// The journal as the engine uses it. Every event is appended before anything acts on it.
package protocol ReleaseJournal: Sendable {
    /// Appends the event with its `sequence`, or throws `JournalConflict` when another process has appended one with that number.
    func append(_ event: RecordedEvent, app: String, number: Int) throws
    func events(app: String, number: Int, after sequence: Int) throws -> [RecordedEvent]
    /// At most `limit` releases of an app, newest first, with numbers below `before`.
    func releases(app: String, limit: Int, before: Int?) throws -> [Release]
    /// The highest number of a release of the app; 0 when it has none.
    func lastNumber(app: String) throws -> Int
    /// The known versions of an app with this tag: first the image that was pushed last.
    func versions(app: String, tag: String) throws -> [PushedVersion]
    /// The version of an app that waits to be released.
    func queuedVersion(app: String) throws -> PushedVersion?
    /// The locks that hold at a time, of all apps.
    func locks(at now: Timestamp) throws -> [ReleaseLock]
    func add(_ lock: ReleaseLock) throws
}

/// Another process appended to the same release first.
package struct JournalConflict: Error, CustomStringConvertible {
    package init() {}

    package var description: String { "another process wrote to the journal at the same time: run the command again" }
}
