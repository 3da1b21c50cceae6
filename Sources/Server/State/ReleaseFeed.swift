import Controller
import Foundation
import Journal
import NIOCore
import ReleaseMachine

/// The events of one release as they are appended to the journal, encoded once for all viewers.
///
/// A viewer first reads past events through `messages`, at its own pace. Then it joins a subscriber group, which writes new events to all
/// its members at once.
package actor ReleaseFeed {
    package nonisolated let app: String
    package nonisolated let number: Int

    private let journal: Journal
    private var history: ReleaseHistory
    /// Each event as a message of the event stream (`id: 7`, `data: {…}`, an empty line); `nil` until it is first requested.
    private var frames: [ByteBuffer?]
    private var groups: [ObjectIdentifier: SubscriberGroup] = [:]
    private var viewers: Set<Int> = []
    private var lastViewer = 0
    private var isStopping = false
    private(set) var usedAt = ContinuousClock.now

    static let heartbeat = ByteBuffer(string: ": still here\n\n")

    /// Reads the release; `nil` when there is no such release.
    init?(journal: Journal, app: String, number: Int) async throws {
        guard let history = ReleaseHistory(try await journal.events(app: app, number: number)) else { return nil }
        self.journal = journal
        self.app = app
        self.number = number
        self.history = history
        frames = Array(repeating: nil, count: history.events.count)
    }

    /// The release as its newest event left it.
    package var release: Release { history.release }
    /// All events so far.
    package var events: [EventView] { history.events }

    /// The release as a page shows it.
    func snapshot(_ view: ReleaseLog.View) -> ReleaseSnapshot {
        usedAt = .now
        return history.snapshot(view)
    }

    /// Reads the events that any process appended since, and sends them to the viewers.
    func refresh() async throws {
        let read = try await journal.events(app: app, number: number, after: release.sequence)
        // Another call may have read them meanwhile.
        let recorded = read.filter { $0.sequence > release.sequence }
        guard !recorded.isEmpty else { return }
        let known = frames.count
        for event in recorded { history.append(event) }
        frames += Array(repeating: nil, count: recorded.count)
        guard !viewers.isEmpty else { return }
        let messages = try (known..<frames.count).map {
            SubscriberGroup.Message(sequence: history.events[$0].sequence, frame: try frame($0))
        }
        for group in groups.values {
            group.publish(messages)
            if release.state.hasEnded { group.dismiss() }
        }
    }

    // MARK: - Viewers

    /// Adds a viewer.
    /// - Returns: its id.
    func enter() -> Int {
        lastViewer += 1
        viewers.insert(lastViewer)
        return lastViewer
    }

    func leave(_ id: Int) {
        guard viewers.remove(id) != nil else { return }
        for group in groups.values { group.leave(id) }
        usedAt = .now
    }

    /// Ends the stream of a viewer who is not authenticated any more.
    func dismiss(_ id: Int) {
        guard viewers.remove(id) != nil else { return }
        for group in groups.values { group.dismiss(id) }
        usedAt = .now
    }

    var hasViewers: Bool { !viewers.isEmpty }

    enum Joining {
        /// The group writes new events to the viewer's connection until the stream yields the last one that it wrote; see
        /// `SubscriberGroup.join`.
        case joined(AsyncStream<Int>)
        /// The viewer has not read all past events yet.
        case behind
        /// The server is stopping, or the viewer was dismissed.
        case over
    }

    /// Adds a viewer that has read all events up to `sequence` to a group.
    func join(_ id: Int, _ channel: any Channel, after sequence: Int) -> Joining {
        if isStopping || !viewers.contains(id) { return .over }
        let newest = release.sequence
        guard sequence >= newest, !release.state.hasEnded else { return .behind }
        let group = groups[ObjectIdentifier(channel.eventLoop)] ?? SubscriberGroup(channel.eventLoop)
        groups[ObjectIdentifier(channel.eventLoop)] = group
        return .joined(group.join(id, channel, after: newest))
    }

    /// Sends a comment to the viewers, so that they and proxies keep the connection open.
    func sendHeartbeat() {
        for group in groups.values { group.send(ReleaseFeed.heartbeat) }
    }

    /// Ends all streams, and refuses new ones.
    func end() {
        isStopping = true
        for group in groups.values { group.dismiss() }
    }

    /// At most `limit` messages after event `sequence`, and whether the release had ended with the last of them.
    func messages(after sequence: Int, limit: Int = 500) throws -> (frames: [ByteBuffer], last: Int, isEnd: Bool) {
        let range = self.range(after: sequence, limit: limit)
        let last = range.isEmpty ? sequence : history.events[range.upperBound - 1].sequence
        return (try range.map(frame), last, range.upperBound == frames.count && release.state.hasEnded)
    }

    /// At most `limit` events after event `sequence`.
    package func events(after sequence: Int, limit: Int) -> ArraySlice<EventView> {
        usedAt = .now
        return history.events[range(after: sequence, limit: limit)]
    }

    private func range(after sequence: Int, limit: Int) -> Range<Int> {
        // Sequence numbers have no gaps.
        let start = min(max(0, sequence), frames.count)
        return start..<min(frames.count, start + limit)
    }

    private func frame(_ index: Int) throws -> ByteBuffer {
        if let known = frames[index] { return known }
        let view = history.events[index]
        let frame = ByteBuffer(string: "id: \(view.sequence)\ndata: \(try view.jsonLine())\n\n")
        frames[index] = frame
        return frame
    }
}
