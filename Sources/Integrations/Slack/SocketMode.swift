import HTTPTransport
import Logging

/// Requests from Slack over connections that this server opens, for servers that nothing outside can reach:
/// https://docs.slack.dev/apis/events-api/using-socket-mode
///
/// Two connections are open at any time. Slack ends each of them now and then and says so before: its replacement is open before it is let
/// go, so that there is no gap. Slack sends a request on one of the connections, and again when nobody acknowledges it.
package struct SocketMode: Sendable {
    /// How long things take.
    package struct Timing: Sendable, Hashable {
        /// From the start of the first connection to that of the second. Slack answers 409 to connections at the same moment.
        package var stagger = Duration.seconds(3)
        /// A connection on which Slack does not say hello within this time is given up.
        package var hello = Duration.seconds(10)
        /// A connection that lasts for less than this time after the hello has failed.
        package var settling = Duration.seconds(20)
        /// How long a connection that has been replaced is still read, unless Slack closes it before.
        package var handover = Duration.seconds(30)
        /// About the time between attempts that Slack refuses until somebody changes something.
        package var refused = Duration.seconds(600)
        /// A request that is written down later than this after it came is late: Slack has told the person that the app does not answer.
        package var acknowledgement = Duration.seconds(3)

        package init() {}
    }

    /// Runs something with an open WebSocket, and closes it: `WebSocketConnection.withConnection`.
    package typealias Connect =
        @Sendable (
            _ url: String, _ body: @Sendable (WebSocketConnection) async throws -> Void
        ) async throws -> Void
    /// Writes a request down, and says what the person is told at once; `nil`: nothing. Slack sends the request again when this throws.
    package typealias Receive = @Sendable (SocketEnvelope) async throws -> SocketAnswer?

    package let status: SocketModeStatus
    private let open: @Sendable () async throws -> String
    private let connect: Connect
    private let timing: Timing
    private let pause: @Sendable (Duration) async throws -> Void
    private let logger: Logger

    static let connections = 2
    private static let backOff = RetryPolicy(attempts: .max, firstDelay: .seconds(1), longestDelay: .seconds(60))

    /// - Parameters:
    ///   - open: asks Slack for the URL of a connection (`SlackClient.openConnection`).
    ///   - connect: opens a WebSocket.
    ///   - status: is told of every change.
    ///   - timing: how long things take.
    ///   - pause: waits.
    ///   - logger: is told what the person who runs the server should know.
    package init(
        open: @escaping @Sendable () async throws -> String, connect: @escaping Connect,
        status: SocketModeStatus = SocketModeStatus(), timing: Timing = Timing(),
        pause: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }, logger: Logger
    ) {
        self.open = open
        self.connect = connect
        self.status = status
        self.timing = timing
        self.pause = pause
        self.logger = logger
    }

    /// Keeps the connections open until the task is cancelled. Requests are given to `receive`, those of one connection in their order, and
    /// acknowledged when it returns.
    package func run(_ receive: @escaping Receive) async {
        await withDiscardingTaskGroup { group in
            for number in 0..<Self.connections {
                group.addTask {
                    try? await pause(timing.stagger * number)
                    await keepConnected(receive)
                }
            }
        }
    }

    /// Keeps one connection open: when it ends, or is about to, there is another one.
    private func keepConnected(_ receive: @escaping Receive) async {
        await withDiscardingTaskGroup { group in
            var failures = 0
            var isFirst = true
            var replaced: [SocketModeConnection] = []
            while !Task.isCancelled {
                let connection = SocketModeConnection(
                    isFirst: isFirst, status: status, timing: timing, pause: pause, receive: receive, logger: logger)
                isFirst = false
                group.addTask { await connection.run(open, connect) }
                var delay = Duration.zero
                events: for await event in connection.events {
                    switch event {
                    case .ready:
                        for predecessor in replaced { predecessor.letGo() }
                        replaced = []
                    case .settled: failures = 0
                    case .isReplaced:
                        replaced.append(connection)
                        delay = Self.backOff(&failures, unless: connection.hasSettled)
                        break events
                    case .ended(let end):
                        delay = max(Self.backOff(&failures, unless: connection.hasSettled), end.delay(timing))
                        report(end)
                        break events
                    }
                }
                if delay > .zero { try? await pause(delay) }
            }
        }
    }

    private static func backOff(_ failures: inout Int, unless hasSettled: Bool) -> Duration {
        guard !hasSettled else {
            failures = 0
            return .zero
        }
        failures += 1
        return backOff.backOff(attempt: failures)
    }

    private func report(_ end: SocketModeEnd) {
        guard !Task.isCancelled, let level = status.problem(end) else { return }
        logger.log(level: level, "Slack's Socket Mode: a connection ended", metadata: ["problem": "\(end)"])
    }
}
