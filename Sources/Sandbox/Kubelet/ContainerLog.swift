import Foundation

/// A line of a container's output.
struct LogLine: Sendable {
    var number: Int
    var time: Date
    var content: String

    func text(timed: Bool) -> String {
        guard timed else { return content + "\n" }
        return time.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true)) + " " + content + "\n"
    }
}

/// The latest output of one run of a container.
actor ContainerLog {
    private static let limit = 20_000

    private var buffer: [LogLine] = []
    private var count = 0
    private var followers: [AsyncStream<LogLine>.Continuation] = []
    private var isFinished = false

    func append(_ content: String) {
        count += 1
        let line = LogLine(number: count, time: Date(), content: content)
        buffer.append(line)
        if buffer.count > 2 * Self.limit { buffer.removeFirst(buffer.count - Self.limit) }
        followers.removeAll { if case .terminated = $0.yield(line) { true } else { false } }
    }

    /// Ends the log when the container has ended.
    func finish() {
        isFinished = true
        for follower in followers { follower.finish() }
        followers = []
    }

    func lines() -> [LogLine] { buffer.suffix(Self.limit) }

    /// The lines after line `number`, then new lines until the container ends.
    func follow(after number: Int?) -> AsyncStream<LogLine> {
        let (stream, continuation) = AsyncStream.makeStream(
            of: LogLine.self, bufferingPolicy: .bufferingNewest(Self.limit))
        for line in buffer where line.number > number ?? 0 { continuation.yield(line) }
        if isFinished { continuation.finish() } else { followers.append(continuation) }
        return stream
    }
}

/// The logs of all containers, of the current and the previous run.
actor ContainerLogs {
    private struct Entry {
        var current: ContainerLog
        var previous: ContainerLog?
    }

    private var entries: [String: [String: Entry]] = [:]

    /// Creates the log of a container that starts.
    func begin(pod uid: String, container: String) -> ContainerLog {
        let log = ContainerLog()
        let before = entries[uid]?[container]?.current
        entries[uid, default: [:]][container] = Entry(current: log, previous: before)
        return log
    }

    func log(pod uid: String, container: String, previous: Bool) -> ContainerLog? {
        let entry = entries[uid]?[container]
        return previous ? entry?.previous : entry?.current
    }

    func remove(pod uid: String) { entries[uid] = nil }
}
