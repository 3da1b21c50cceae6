import Subprocess

/// Follows one running child: feeds it, reads it, and ends its group when its time is up.
struct Supervision: Sendable {
    let deadline: Duration?
    let grace: Duration
    /// How many bytes at the end of each stream are kept.
    let keeping: Int
    let onStart: @Sendable (Int32) async -> Void
    let onLine: @Sendable (OutputLine) async -> Void

    /// What is known when the child has exited.
    struct Outcome: Sendable {
        var deadlineExceeded = false
        var output: Tail
        var error: Tail

        func completed(_ status: TerminationStatus) -> Completed {
            let termination: Termination =
                switch status {
                case _ where deadlineExceeded: .deadlineExceeded
                case .exited(let code): .exited(code)
                case .signaled(let signal): .signalled(signal)
                }
            return Completed(termination: termination, output: output.text, error: error.text)
        }
    }

    private enum Finished: Sendable {
        case child
        case writing
        case watch(deadlineExceeded: Bool)
        case reading(OutputLine.Stream, Tail)
    }

    /// Returns when the child has exited and its output is read. The child is reaped only afterwards, so that during all
    /// of this its process id is its own.
    func follow<Input: InputProtocol>(
        _ execution: Execution<Input, SequenceOutput, SequenceOutput>,
        write: @escaping @Sendable () async -> Void
    ) async -> Outcome {
        let group = ProcessGroup(leader: execution.processIdentifier.value)
        let output = execution.standardOutput
        let error = execution.standardError
        return await withTaskGroup(of: Finished.self) { tasks in
            tasks.addTask {
                await execution.waitForExit()
                return .child
            }
            tasks.addTask { .watch(deadlineExceeded: await watch(group)) }
            await onStart(group.leader)
            tasks.addTask {
                await write()
                return .writing
            }
            tasks.addTask { .reading(.output, await read(output, as: .output, of: group)) }
            tasks.addTask { .reading(.error, await read(error, as: .error, of: group)) }

            var outcome = Outcome(output: Tail(limit: keeping), error: Tail(limit: keeping))
            var awaited = 3
            for await finished in tasks {
                switch finished {
                case .child: awaited -= 1
                case .reading(.output, let tail):
                    outcome.output = tail
                    awaited -= 1
                case .reading(.error, let tail):
                    outcome.error = tail
                    awaited -= 1
                case .watch(let deadlineExceeded): outcome.deadlineExceeded = deadlineExceeded
                case .writing: break
                }
                if awaited == 0 { tasks.cancelAll() }
            }
            return outcome
        }
    }

    /// Ends the group when the deadline passes or the task is cancelled, unless the child has exited.
    private func watch(_ group: ProcessGroup) async -> Bool {
        var deadlineExceeded = false
        do {
            if let deadline {
                try await ContinuousClock().sleep(for: deadline)
                deadlineExceeded = true
            } else {
                while true { try await ContinuousClock().sleep(for: year) }
            }
        } catch {}
        guard !group.leaderHasExited else { return false }
        // Not a child task, because in a cancelled one the waiting would not wait. It ends by itself after `grace`.
        await Task { await group.end(grace: grace) }.value
        return deadlineExceeded
    }

    private func read(
        _ sequence: SubprocessOutputSequence, as stream: OutputLine.Stream, of group: ProcessGroup
    ) async -> Tail {
        var splitter = LineSplitter()
        var tail = Tail(limit: keeping)
        // What a background process goes on writing after the child has exited could be endless. At that moment no
        // more than the pipe holds is the child's own; Linux allows a pipe at most 1 MiB without privileges (pipe(7)).
        var allowance = 1 << 20
        var iterator = sequence.makeAsyncIterator()
        while allowance > 0, let buffer = try? await iterator.next() {
            let lines = buffer.withUnsafeBytes { bytes in
                tail.append(bytes)
                return splitter.append(bytes)
            }
            for line in lines { await deliver(line, stream) }
            if group.leaderHasExited { allowance -= buffer.count }
        }
        if let line = splitter.finish() { await deliver(line, stream) }
        return tail
    }

    private func deliver(_ line: LineSplitter.Line, _ stream: OutputLine.Stream) async {
        await onLine(OutputLine(stream: stream, text: line.text, isTruncated: line.isTruncated))
    }
}

extension Execution {
    /// The one way that swift-subprocess 1.0 offers to wait from inside: a teardown that does nothing for a very long time.
    /// It returns as soon as the process has exited.
    fileprivate func waitForExit() async {
        let step = TeardownStep.send(signal: Signal(rawValue: 0), allowedDurationToNextStep: year)
        await teardown(using: Array(repeating: step, count: 100))
    }
}

private let year = Duration.seconds(365 * 24 * 60 * 60)
