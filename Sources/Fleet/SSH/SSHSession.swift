import Processes

/// One ssh process and the node script at its other end: one conversation after the other.
actor SSHSession {
    enum Outcome: Sendable {
        /// The script has ended with this status, and the session goes on.
        case ended(status: Int32)
        /// It did not come to its first word.
        case unreachable(SSHTrouble)
        /// ssh ended in the middle; `heard`: not before the node had begun to answer.
        case lost(SSHTrouble, heard: Bool)
        case deadlineExceeded(SSHTrouble?)
        case cancelled
    }

    private enum Phase {
        /// Until the node says that it is ready.
        case opening
        case ready
        /// Nothing is sent any more.
        case closed
    }

    private struct Conversation {
        var number: Int
        var arguments: [String]
        var payload: NodePayload
        var onLine: @Sendable (OutputLine) async -> Void
        var continuation: CheckedContinuation<Outcome, Never>
        var heard = false
    }

    /// How long ssh may take to end by itself once its input has ended.
    private static let patience = Duration.seconds(2)
    /// How many of the last lines of ssh's own, and of the login's, are kept for a diagnosis.
    private static let mostWords = 40

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
    /// A conversation that was given up before it began.
    private var early: (number: Int, outcome: Outcome)?
    private var trouble: SSHTrouble

    init(_ settings: SSHSettings, _ configuration: SSHConfiguration, node: Node, sudo: Bool) {
        self.node = node
        self.sudo = sudo
        command = Command(
            settings.program,
            settings.arguments(for: node, sudo: sudo, configuration: configuration)
        )
        (input, inputEnd) = AsyncStream.makeStream()
        (closing, closingEnd) = AsyncStream.makeStream()
        trouble = SSHTrouble(node: node, settings: settings, configuration: configuration)
        inputEnd.yield(NodeSession.greeting)
    }

    /// It can take another conversation.
    var isUsable: Bool { phase != .closed && current == nil }

    // MARK: - The process

    /// Runs ssh until it ends, is no longer needed, or the task is cancelled.
    nonisolated func live() async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.runProcess() }
            group.addTask {
                for await _ in self.closing {}
                // The node's end of it gets this long to end what is running there.
                try? await Task.sleep(for: Self.patience)
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
            note(line.text)
            await current?.onLine(line)
            return
        }
        switch phase {
        case .opening:
            if line.text == NodeSession.shell {
                trouble.hasShell = true
                inputEnd.yield(NodeSession.upload)
            } else if line.text == NodeSession.ready {
                phase = .ready
                trouble.isReady = true
                send()
            } else if !line.text.isEmpty {
                note(line.text)
            }
        case .ready:
            guard current != nil else { return }
            current?.heard = true
            if let end = NodeSession.end(in: line.text), end.number == current?.number {
                finish(.ended(status: end.status))
            } else {
                await current?.onLine(line)
            }
        case .closed: break
        }
    }

    private func note(_ text: String) {
        trouble.words.append(text)
        if trouble.words.count > Self.mostWords { trouble.words.removeFirst() }
    }

    private func ended(_ termination: Termination?, error: (any Error)?) {
        trouble.termination = termination
        if let error, !(error is CancellationError) { note("\(error)") }
        let wasOpening = phase == .opening
        shut()
        guard let heard = current?.heard else { return }
        if error is CancellationError {
            finish(.cancelled)
        } else {
            finish(wasOpening ? .unreachable(trouble) : .lost(trouble, heard: heard))
        }
    }

    // MARK: - Conversations

    /// One conversation. `limit` is how long it may take; when it passes or the task is cancelled, the session ends with it.
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
                await self.giveUp(number, .deadlineExceeded(nil))
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
                    giveUp(number, .cancelled)
                } else if let early, early.number == number {
                    giveUp(number, early.outcome)
                } else if phase == .closed {
                    finish(trouble.isReady ? .lost(trouble, heard: false) : .unreachable(trouble))
                } else if phase == .ready {
                    send()
                }
            }
        } onCancel: {
            // Only a message to the actor: it ends at once, and nobody needs its end.
            Task { await self.giveUp(number, .cancelled) }
        }
    }

    private func send() {
        guard let current else { return }
        // What was said before belongs to other conversations.
        trouble.words = []
        inputEnd.yield(
            NodeSession.request(current.number, arguments: current.arguments, payload: current.payload)
        )
    }

    private func finish(_ outcome: Outcome) {
        guard let conversation = current else { return }
        current = nil
        conversation.continuation.resume(returning: outcome)
    }

    /// Ends the conversation, if there is one, and with it the session: the node is asked to end what it does.
    private func giveUp(_ number: Int, _ outcome: Outcome) {
        guard current?.number == number else {
            if number == conversations { early = (number, outcome) }
            return
        }
        if phase == .ready { inputEnd.yield(NodeSession.stop) }
        var outcome = outcome
        if case .deadlineExceeded = outcome, phase == .opening { outcome = .deadlineExceeded(trouble) }
        shut()
        finish(outcome)
    }

    /// Ends the session after the conversation that is running, if one is; that is for the caller to know.
    func close() {
        shut()
    }

    private func shut() {
        phase = .closed
        inputEnd.finish()
        closingEnd.finish()
    }
}
