import HTTPTransport
import Logging
import Synchronization
import ViridianConfiguration

/// One connection of Socket Mode, from the request for its URL to its end.
final class SocketModeConnection: Sendable {
    enum Event: Sendable, Hashable {
        /// Slack said hello, and sends requests.
        case ready
        /// It has been ready for a while.
        case settled
        /// It ends soon: another one is to be opened.
        case isReplaced
        case ended(SocketModeEnd)
    }

    private struct State {
        var isReady = false
        var hasSettled = false
        var isReplaced = false
    }

    /// Can be iterated once. Ends with the connection.
    let events: AsyncStream<Event>
    private let happened: AsyncStream<Event>.Continuation
    private let release = AsyncStream.makeStream(of: Void.self)
    private let state = Mutex(State())

    /// No other connection was there before in its place.
    private let isFirst: Bool
    private let status: SocketModeStatus
    private let timing: SocketMode.Timing
    private let pause: @Sendable (Duration) async throws -> Void
    private let receive: SocketMode.Receive
    private let logger: Logger

    init(
        isFirst: Bool, status: SocketModeStatus, timing: SocketMode.Timing,
        pause: @escaping @Sendable (Duration) async throws -> Void,
        receive: @escaping SocketMode.Receive, logger: Logger
    ) {
        self.isFirst = isFirst
        self.status = status
        self.timing = timing
        self.pause = pause
        self.receive = receive
        self.logger = logger
        (events, happened) = AsyncStream.makeStream()
    }

    var hasSettled: Bool { state.withLock { $0.hasSettled } }

    /// Its replacement is ready: it ends when Slack closes it, or after the handover.
    func letGo() { release.continuation.finish() }

    func run(_ open: @Sendable () async throws -> String, _ connect: SocketMode.Connect) async {
        let end: SocketModeEnd
        do {
            try await connect(try await open()) { socket in
                defer { if self.state.withLock({ $0.isReady }) { self.status.closed() } }
                try await self.use(socket)
            }
            end = .closed
        } catch {
            end = SocketModeEnd(error)
        }
        happened.yield(.ended(end))
        happened.finish()
    }

    // MARK: - Messages

    private func use(_ socket: WebSocketConnection) async throws {
        let (queue, incoming) = AsyncStream.makeStream(of: SocketEnvelope.self)
        async let work: Void = work(through: queue, socket)
        let result: Result<Void, any Error>
        do {
            result = .success(try await read(socket, incoming))
        } catch {
            result = .failure(error)
        }
        // What has been read is written down even when it cannot be acknowledged any more.
        incoming.finish()
        await work
        try result.get()
    }

    /// Reads until the connection ends, or is given up.
    private func read(_ socket: WebSocketConnection, _ incoming: AsyncStream<SocketEnvelope>.Continuation) async throws
    {
        try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask {
                for try await message in socket.messages { try self.take(SocketModeMessage(message), incoming) }
                return true
            }
            group.addTask {
                try await self.pause(self.timing.hello)
                guard self.state.withLock({ $0.isReady }) else { throw SocketModeEnd.noHello }
                try await self.pause(self.timing.settling)
                self.state.withLock { $0.hasSettled = true }
                self.happened.yield(.settled)
                return false
            }
            group.addTask {
                for await _ in self.release.stream {}
                try Task.checkCancellation()
                try await self.pause(self.timing.handover)
                return true
            }
            defer { group.cancelAll() }
            while try await group.next() == false {}
        }
    }

    private func take(
        _ message: SocketModeMessage, _ incoming: AsyncStream<SocketEnvelope>.Continuation
    ) throws(SocketModeEnd) {
        switch message {
        case .hello(let connections): hello(connections)
        case .disconnect(.disabled): throw .disabled
        case .disconnect(.tooMany): throw .tooMany
        case .disconnect(.refresh):
            let isFirst = state.withLock { state in
                defer { state.isReplaced = true }
                return !state.isReplaced
            }
            if isFirst { happened.yield(.isReplaced) }
        case .envelope(let envelope): incoming.yield(envelope)
        case .other(let what):
            logger.debug("Slack's Socket Mode: a message of no known kind", metadata: ["is": "\(what)"])
        }
    }

    private func hello(_ connections: Int?) {
        let isFirst = state.withLock { state in
            defer { state.isReady = true }
            return !state.isReady
        }
        guard isFirst else { return }
        let problem = status.opened()
        if let problem {
            logger.info("Slack's Socket Mode: connected again", metadata: ["problem": "\(problem)"])
        }
        happened.yield(.ready)
        // Later, Slack may still count connections that have just ended.
        let own = status.snapshot.connections
        if self.isFirst, let connections, connections > own + 1 {
            logger.notice(
                """
                Slack's Socket Mode: the app has connections that are not this server's: of one that was killed just now, or of another \
                server with the same slack.appToken, which gets some of the requests
                """,
                metadata: ["connections": "\(connections)", "own": "\(own)"])
        }
    }

    // MARK: - Requests

    /// One after the other: who was first stays first.
    private func work(through queue: AsyncStream<SocketEnvelope>, _ socket: WebSocketConnection) async {
        for await envelope in queue {
            var answer: SocketAnswer?
            if envelope.isRequest {
                if let attempt = envelope.retryAttempt {
                    logger.notice(
                        "Slack sends a request again that was not acknowledged in time",
                        metadata: [
                            "attempt": "\(attempt)",
                            "reason": "\(Excerpt.quoted(envelope.retryReason ?? "none", limit: 80))",
                        ])
                }
                let start = ContinuousClock.now
                do {
                    answer = try await receive(envelope)
                } catch {
                    if Task.isCancelled { return }
                    logger.error(
                        "a request from Slack could not be written down; Slack sends it again",
                        metadata: ["envelope": "\(Excerpt.quoted(envelope.id, limit: 80))", "error": "\(error)"])
                    continue
                }
                if start.duration(to: .now) > timing.acknowledgement {
                    logger.warning(
                        "a request from Slack was written down so late that Slack has told the person that it failed")
                }
            }
            // When this fails, Slack sends the request again, and it is known then.
            try? await socket.send(envelope.acknowledgement(answer))
        }
    }
}
