import Controller
import Foundation
import Journal
import NIOCore
import ReleaseMachine

/// One release's events as the journal gets them, told once for however many people watch.
///
/// A viewer catches up at its own pace through `messages`, and joins a lane then, where it gets what comes together with all others.
package actor ReleaseTail {
    package nonisolated let app: String
    package nonisolated let number: Int

    private let journal: Journal
    private var chronicle: Chronicle
    /// Each event as a message of the event stream, once somebody has asked for it: `id: 7`, `data: {…}`, an empty line.
    private var frames: [ByteBuffer?]
    private var lanes: [ObjectIdentifier: Lane] = [:]
    private var viewers: Set<Int> = []
    private var lastViewer = 0
    private var isEnding = false
    private(set) var usedAt = ContinuousClock.now

    static let heartbeat = ByteBuffer(string: ": still here\n\n")

    /// Reads what there is; `nil` when there is no such release.
    init?(journal: Journal, app: String, number: Int) throws {
        guard let chronicle = Chronicle(try journal.events(app: app, number: number)) else { return nil }
        self.journal = journal
        self.app = app
        self.number = number
        self.chronicle = chronicle
        frames = Array(repeating: nil, count: chronicle.events.count)
    }

    /// The release as its newest event left it.
    package var release: Release { chronicle.release }
    /// All events so far.
    package var events: [EventView] { chronicle.events }

    /// What a page shows of the release.
    func picture(_ view: ReleaseLog.View) -> ReleasePicture {
        usedAt = .now
        return chronicle.picture(view)
    }

    /// Takes in what was appended since, by whichever process, and passes it on to those who watch.
    func refresh() throws {
        let known = frames.count
        let recorded = try journal.events(app: app, number: number, after: release.sequence)
        guard !recorded.isEmpty else { return }
        for event in recorded { chronicle.append(event) }
        frames += Array(repeating: nil, count: recorded.count)
        guard !viewers.isEmpty else { return }
        let messages = try (known..<frames.count).map {
            Lane.Message(sequence: chronicle.events[$0].sequence, frame: try frame($0))
        }
        for lane in lanes.values {
            lane.publish(messages)
            if release.state.hasEnded { lane.dismiss() }
        }
    }

    // MARK: - Viewers

    /// One more who watches.
    func enter() -> Int {
        lastViewer += 1
        viewers.insert(lastViewer)
        return lastViewer
    }

    func leave(_ id: Int) {
        guard viewers.remove(id) != nil else { return }
        for lane in lanes.values { lane.leave(id) }
        usedAt = .now
    }

    /// Ends the stream of one who may not watch any more.
    func dismiss(_ id: Int) {
        guard viewers.remove(id) != nil else { return }
        for lane in lanes.values { lane.dismiss(id) }
        usedAt = .now
    }

    var hasViewers: Bool { !viewers.isEmpty }

    enum Joining {
        /// From here on everything is written to the viewer's connection as it happens, until the stream tells with which message that
        /// has ended; see `Lane.join`.
        case joined(AsyncStream<Int>)
        /// Something has happened that the viewer has not got: it has to catch up first.
        case behind
        /// The server ends, or the viewer may not watch any more.
        case over
    }

    /// Hands a viewer over that has got everything up to `sequence`.
    func join(_ id: Int, _ channel: any Channel, after sequence: Int) -> Joining {
        if isEnding || !viewers.contains(id) { return .over }
        let newest = release.sequence
        guard sequence >= newest, !release.state.hasEnded else { return .behind }
        let lane = lanes[ObjectIdentifier(channel.eventLoop)] ?? Lane(channel.eventLoop)
        lanes[ObjectIdentifier(channel.eventLoop)] = lane
        return .joined(lane.join(id, channel, after: newest))
    }

    /// Tells those who watch that the server is still there.
    func beat() {
        for lane in lanes.values { lane.beat(ReleaseTail.heartbeat) }
    }

    /// Ends all streams, and those that are asked for from now on.
    func end() {
        isEnding = true
        for lane in lanes.values { lane.dismiss() }
    }

    /// At most `limit` messages after event `sequence`, and whether the release had ended with the last of them.
    func messages(after sequence: Int, limit: Int = 500) throws -> (frames: [ByteBuffer], last: Int, isEnd: Bool) {
        let range = self.range(after: sequence, limit: limit)
        let last = range.isEmpty ? sequence : chronicle.events[range.upperBound - 1].sequence
        return (try range.map(frame), last, range.upperBound == frames.count && release.state.hasEnded)
    }

    /// At most `limit` events after event `sequence`.
    package func events(after sequence: Int, limit: Int) -> ArraySlice<EventView> {
        usedAt = .now
        return chronicle.events[range(after: sequence, limit: limit)]
    }

    private func range(after sequence: Int, limit: Int) -> Range<Int> {
        // Numbers have no gaps, so that an event's place follows from its number.
        let start = min(max(0, sequence), frames.count)
        return start..<min(frames.count, start + limit)
    }

    private func frame(_ place: Int) throws -> ByteBuffer {
        if let known = frames[place] { return known }
        let view = chronicle.events[place]
        let frame = ByteBuffer(string: "id: \(view.sequence)\ndata: \(try view.jsonLine())\n\n")
        frames[place] = frame
        return frame
    }
}
