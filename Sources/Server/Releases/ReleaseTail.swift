import Controller
import Foundation
import Journal
import NIOCore
import ReleaseMachine

/// One release's events as the journal gets them, told once for however many people watch.
///
/// Viewers share the events and take them at their own pace; what waits for a slow one costs nothing.
package actor ReleaseTail {
    package nonisolated let app: String
    package nonisolated let number: Int
    /// The release as its newest event left it.
    package private(set) var release: Release
    /// All events so far.
    package private(set) var events: [EventView] = []

    private let journal: Journal
    private var narrator = Narrator()
    /// Each event as a message of the event stream: `id: 7`, `data: {…}`, an empty line.
    private var frames: [ByteBuffer] = []
    private var watchers: [Int: AsyncStream<Void>.Continuation] = [:]
    private var lastWatcher = 0
    private var isEnding = false
    private(set) var usedAt = ContinuousClock.now

    /// Reads what there is; `nil` when there is no such release.
    init?(journal: Journal, app: String, number: Int) throws {
        let recorded = try journal.events(app: app, number: number)
        guard let first = recorded.first, let release = Release(first) else { return nil }
        self.journal = journal
        self.app = app
        self.number = number
        self.release = release
        var told = release
        for event in recorded {
            if event.sequence > first.sequence { told.apply(event) }
            let view = EventView(event, text: narrator.lines(event, told), after: told)
            events.append(view)
            frames.append(try ReleaseTail.frame(view))
        }
        self.release = told
    }

    /// Takes in what was appended since, by whichever process, and wakes those who watch.
    func refresh() throws {
        let recorded = try journal.events(app: app, number: number, after: release.sequence)
        guard !recorded.isEmpty else { return }
        for event in recorded {
            release.apply(event)
            let view = EventView(event, text: narrator.lines(event, release), after: release)
            events.append(view)
            frames.append(try ReleaseTail.frame(view))
        }
        wake()
    }

    /// Wakes those who watch although nothing happened, so that they can say that they are still there.
    func wake() {
        for watcher in watchers.values { watcher.yield() }
    }

    /// Ends all streams, and those that are asked for from now on.
    func end() {
        isEnding = true
        for watcher in watchers.values { watcher.finish() }
        watchers = [:]
    }

    var hasWatchers: Bool { !watchers.isEmpty }

    /// A signal for each time that something may have happened; signals that were not waited for are one.
    func watch() -> (id: Int, signals: AsyncStream<Void>) {
        let (signals, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        lastWatcher += 1
        if isEnding { continuation.finish() } else { watchers[lastWatcher] = continuation }
        return (lastWatcher, signals)
    }

    func unwatch(_ id: Int) {
        watchers.removeValue(forKey: id)?.finish()
        usedAt = .now
    }

    /// At most `limit` messages after event `sequence`, and whether the release had ended with the last of them.
    func messages(after sequence: Int, limit: Int = 500) -> (frames: ArraySlice<ByteBuffer>, last: Int, isEnd: Bool) {
        let range = self.range(after: sequence, limit: limit)
        let last = range.isEmpty ? sequence : events[range.upperBound - 1].sequence
        return (frames[range], last, range.upperBound == events.count && release.state.hasEnded)
    }

    /// At most `limit` events after event `sequence`.
    package func events(after sequence: Int, limit: Int) -> ArraySlice<EventView> {
        usedAt = .now
        return events[range(after: sequence, limit: limit)]
    }

    private func range(after sequence: Int, limit: Int) -> Range<Int> {
        // Numbers have no gaps, so that an event's place follows from its number.
        let start = min(max(0, sequence), events.count)
        return start..<min(events.count, start + limit)
    }

    private static func frame(_ view: EventView) throws -> ByteBuffer {
        ByteBuffer(string: "id: \(view.sequence)\ndata: \(try view.jsonLine())\n\n")
    }
}
