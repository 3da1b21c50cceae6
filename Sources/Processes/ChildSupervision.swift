import Subprocess

/// Supervises one running child: writes its input, reads its output, and terminates its group at the deadline.
struct ChildSupervision: Sendable {
    let deadline: Duration?
    let grace: Duration
    /// How many bytes at the end of each stream are kept.
    let keeping: Int
    let onStart: @Sendable (Int32) async -> Void
    let onLine: @Sendable (OutputLine) async -> Void

    /// The result when the child has exited.
    struct Outcome: Sendable {
        var deadlineExceeded = false
        var output: OutputTail
        var error: OutputTail

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
        case reading(OutputLine.Stream, OutputTail)
    }

    /// Returns when the child has exited and its output has been read. The child is reaped only afterwards, so its process id is valid
    /// until then.
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

            var outcome = Outcome(output: OutputTail(limit: keeping), error: OutputTail(limit: keeping))
            var pending = 3
            for await finished in tasks {
                switch finished {
                case .child: pending -= 1
                case .reading(.output, let tail):
                    outcome.output = tail
                    pending -= 1
                case .reading(.error, let tail):
                    outcome.error = tail
                    pending -= 1
                case .watch(let deadlineExceeded): outcome.deadlineExceeded = deadlineExceeded
                case .writing: break
                }
                if pending == 0 { tasks.cancelAll() }
            }
            return outcome
        }
    }

    /// Terminates the group when the deadline passes or the task is cancelled, unless the child has exited.
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
        // Not a child task: in a cancelled one, sleeping returns at once. It ends after `grace` at the latest.
        await Task { await group.end(grace: grace) }.value
        return deadlineExceeded
    }

    private func read(
        _ sequence: SubprocessOutputSequence, as stream: OutputLine.Stream, of group: ProcessGroup
    ) async -> OutputTail {
        var splitter = LineSplitter()
        var tail = OutputTail(limit: keeping)
        // A background process may write without end after the child has exited. At that moment at most the contents of the
        // pipe are the child's own; Linux allows a pipe at most 1 MiB without privileges (pipe(7)).
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
    /// The only way in swift-subprocess 1.0 to wait for the exit from within the closure: a teardown that does nothing for a long time
    /// returns as soon as the process has exited.
    fileprivate func waitForExit() async {
        let step = TeardownStep.send(signal: Signal(rawValue: 0), allowedDurationToNextStep: year)
        await teardown(using: Array(repeating: step, count: 100))
    }
}

private let year = Duration.seconds(365 * 24 * 60 * 60)
