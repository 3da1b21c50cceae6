import Processes

/// An ssh process with the node script at its remote end. It runs one conversation at a time.
actor SSHSession {
    enum Outcome: Sendable {
        /// The script ended with this status; the session continues.
        case ended(status: Int32)
        /// The script did not start.
        case unreachable(SSHFailure)
        /// ssh ended during the conversation. `hasOutput`: the node had already sent output.
        case lost(SSHFailure, hasOutput: Bool)
        case deadlineExceeded(SSHFailure?)
        case cancelled
    }

    private enum Phase {
        /// Until the node script is ready.
        case opening
        case ready
        /// Nothing more is sent.
        case closed
    }

    private struct Conversation {
        var number: Int
        var arguments: [String]
        var payload: NodePayload
        var onLine: @Sendable (OutputLine) async -> Void
        var continuation: CheckedContinuation<Outcome, Never>
        var hasOutput = false
    }

    /// The time limit for ssh to end after its input has ended.
    private static let closeTimeout = Duration.seconds(2)
    /// The number of recent lines of ssh and the login that are kept for error messages.
    private static let messageLimit = 40

    nonisolated let node: Node
    nonisolated let sudo: Bool
    private nonisolated let command: Command
    private nonisolated let input: AsyncStream<String>
    private nonisolated let inputEnd: AsyncStream<String>.Continuation
    private nonisolated let closing: AsyncStream<Void>
    private nonisolated let closingEnd: AsyncStream<Void>.Continuation

    private var phase = Phase.opening
    private var current: Conversation?
    private var conversations = 0
    /// A conversation that was aborted before it began.
    private var abortedEarly: (number: Int, outcome: Outcome)?
    private var failure: SSHFailure

    init(_ settings: SSHSettings, _ configuration: SSHConfiguration, node: Node, sudo: Bool) {
        self.node = node
        self.sudo = sudo
        command = Command(
            settings.program,
            settings.arguments(for: node, sudo: sudo, configuration: configuration)
        )
        (input, inputEnd) = AsyncStream.makeStream()
        (closing, closingEnd) = AsyncStream.makeStream()
        failure = SSHFailure(node: node, settings: settings, configuration: configuration)
        inputEnd.yield(NodeSession.greeting)
    }

    /// Whether another conversation can start.
    var isUsable: Bool { phase != .closed && current == nil }

    // MARK: - The process

    /// Runs ssh until it ends, the session is closed, or the task is cancelled.
    nonisolated func run() async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.runProcess() }
            group.addTask {
                for await _ in self.closing {}
                // The remote end gets this time to stop running commands.
                try? await Task.sleep(for: Self.closeTimeout)
            }
            await group.next()
            group.cancelAll()
        }
    }

    private nonisolated func runProcess() async {
        do {
            let completed = try await command.run(
                grace: .seconds(1), input: input, keeping: 0,
                onLine: { line in
                    await self.take(line)
                })
            await ended(completed.termination, error: nil)
        } catch {
            await ended(nil, error: error)
        }
    }

    private func take(_ line: OutputLine) async {
        guard line.stream == .output else {
            record(line.text)
            await current?.onLine(line)
            return
        }
        switch phase {
        case .opening:
            if line.text == NodeSession.shell {
                failure.hasShell = true
                inputEnd.yield(NodeSession.upload)
            } else if line.text == NodeSession.ready {
                phase = .ready
                failure.isReady = true
                send()
            } else if !line.text.isEmpty {
                record(line.text)
            }
        case .ready:
            guard current != nil else { return }
            current?.hasOutput = true
            if let end = NodeSession.end(in: line.text), end.number == current?.number {
                finish(.ended(status: end.status))
            } else {
                await current?.onLine(line)
            }
        case .closed: break
        }
    }

    private func record(_ text: String) {
        failure.messages.append(text)
        if failure.messages.count > Self.messageLimit { failure.messages.removeFirst() }
    }

    private func ended(_ termination: Termination?, error: (any Error)?) {
        failure.termination = termination
        if let error, !(error is CancellationError) { record("\(error)") }
        let wasOpening = phase == .opening
        shutDown()
        guard let hasOutput = current?.hasOutput else { return }
        if error is CancellationError {
            finish(.cancelled)
        } else {
            finish(wasOpening ? .unreachable(failure) : .lost(failure, hasOutput: hasOutput))
        }
    }

    // MARK: - Conversations

    /// Runs a conversation. When `limit` passes or the task is cancelled, the session ends too.
    nonisolated func converse(
        arguments: [String],
        payload: NodePayload,
        limit: Duration,
        onLine: @escaping @Sendable (OutputLine) async -> Void
    ) async -> Outcome {
        let number = await nextNumber()
        return await withTaskGroup(of: Void.self, returning: Outcome.self) { group in
            group.addTask {
                guard (try? await Task.sleep(for: limit)) != nil else { return }
                await self.abort(number, .deadlineExceeded(nil))
            }
            let outcome = await perform(number, arguments, payload, onLine)
            group.cancelAll()
            return outcome
        }
    }

    private func nextNumber() -> Int {
        conversations += 1
        return conversations
    }

    private func perform(
        _ number: Int,
        _ arguments: [String],
        _ payload: NodePayload,
        _ onLine: @escaping @Sendable (OutputLine) async -> Void
    ) async -> Outcome {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                current = Conversation(
                    number: number,
                    arguments: arguments,
                    payload: payload,
                    onLine: onLine,
                    continuation: continuation
                )
                if Task.isCancelled {
                    abort(number, .cancelled)
                } else if let abortedEarly, abortedEarly.number == number {
                    abort(number, abortedEarly.outcome)
                } else if phase == .closed {
                    finish(failure.isReady ? .lost(failure, hasOutput: false) : .unreachable(failure))
                } else if phase == .ready {
                    send()
                }
            }
        } onCancel: {
            // Not awaited: it only sends a message to the actor and ends immediately.
            Task { await self.abort(number, .cancelled) }
        }
    }

    private func send() {
        guard let current else { return }
        // Earlier messages belong to other conversations.
        failure.messages = []
        inputEnd.yield(
            NodeSession.request(current.number, arguments: current.arguments, payload: current.payload)
        )
    }

    private func finish(_ outcome: Outcome) {
        guard let conversation = current else { return }
        current = nil
        conversation.continuation.resume(returning: outcome)
    }

    /// Aborts the conversation, if it is current, and closes the session. The node is told to stop.
    private func abort(_ number: Int, _ outcome: Outcome) {
        guard current?.number == number else {
            if number == conversations { abortedEarly = (number, outcome) }
            return
        }
        if phase == .ready { inputEnd.yield(NodeSession.stop) }
        var outcome = outcome
        if case .deadlineExceeded = outcome, phase == .opening { outcome = .deadlineExceeded(failure) }
        shutDown()
        finish(outcome)
    }

    /// Closes the session. The caller ensures that no conversation is running.
    func close() {
        shutDown()
    }

    private func shutDown() {
        phase = .closed
        inputEnd.finish()
        closingEnd.finish()
    }
}
