import Glibc
import Subprocess
import SystemPackage

extension Command {
    /// Runs it in a session and process group of its own, and waits for it.
    ///
    /// Output arrives line by line (LF; a CR before it is dropped) while it runs, each line truncated to 16 KiB; the last
    /// `keeping` bytes of each stream are also in the result. Lines of one stream come in order, one call at a time; the two
    /// streams are independent of each other. A slow `onLine` slows the child down and loses nothing.
    ///
    /// When `deadline` passes or the task is cancelled, the whole process group gets SIGTERM and, `grace` later, SIGKILL;
    /// a cancelled task then throws `CancellationError`. Background processes of a child that exits on its own are left running and not
    /// waited for; what they write afterwards is lost.
    ///
    /// - Parameters:
    ///   - deadline: How long it may run; `nil` is without limit.
    ///   - grace: The time between SIGTERM and SIGKILL.
    ///   - input: What the child reads on its standard input, as it arrives, for a dialogue with it; the end of the stream is the end
    ///     of its input. Replaces `Command.input`.
    ///   - keeping: How many bytes at the end of each stream are kept for the result.
    ///   - onStart: Called with the child's process id before the first line.
    ///   - onLine: Called with each line.
    /// - Returns: How it ended and the end of what it wrote.
    /// - Throws: `ProcessError` when it cannot be started, `CancellationError`.
    package func run(
        deadline: Duration? = nil,
        grace: Duration = .seconds(5),
        input: AsyncStream<String>? = nil,
        keeping: Int = 256 * 1024,
        onStart: @escaping @Sendable (_ processID: Int32) async -> Void = { _ in },
        onLine: @escaping @Sendable (OutputLine) async -> Void = { _ in }
    ) async throws -> Completed {
        try Task.checkCancellation()
        try refuseNUL()
        let path = try resolvedExecutable()
        let run = ChildSupervision(deadline: deadline, grace: grace, keeping: keeping, onStart: onStart, onLine: onLine)
        let completed: Completed
        do {
            completed = try await start(path, run, input)
        } catch let error as SubprocessError {
            try Task.checkCancellation()
            throw explain(error, path: path)
        }
        try Task.checkCancellation()
        return completed
    }

    private func start(
        _ path: String,
        _ supervision: ChildSupervision,
        _ stream: AsyncStream<String>?
    ) async throws -> Completed {
        var options = PlatformOptions()
        options.createSession = true
        // ChildSupervision terminates the group itself. This is only a fallback: signal 0 does nothing.
        options.teardownSequence = [
            .send(
                signal: Signal(rawValue: 0),
                toProcessGroup: true,
                allowedDurationToNextStep: supervision.grace + .seconds(2)
            )
        ]
        let configuration = Configuration(
            executable: .path(FilePath(path)),
            arguments: Arguments(arguments),
            environment: environment.map { values in
                .custom(Dictionary(uniqueKeysWithValues: values.map { (Environment.Key(stringLiteral: $0), $1) }))
            } ?? .inherit,
            workingDirectory: workingDirectory.map { FilePath($0) },
            platformOptions: options
        )
        guard input != nil || stream != nil else {
            let result = try await Subprocess.run(configuration, input: .none, output: .sequence, error: .sequence) {
                await supervision.follow($0, write: {})
            }
            return result.closureResult.completed(result.terminationStatus)
        }
        ignoreBrokenPipes
        let result = try await Subprocess.run(configuration, input: .inputWriter, output: .sequence, error: .sequence) {
            let writer = $0.standardInputWriter
            return await supervision.follow($0) {
                // A child need not read its input to the end: a failed write is not an error.
                if let stream {
                    for await text in stream {
                        guard (try? await writer.write(Array(text.utf8))) != nil else { break }
                    }
                } else if let input {
                    _ = try? await writer.write(Array(input.utf8))
                }
                try? await writer.finish()
            }
        }
        return result.closureResult.completed(result.terminationStatus)
    }

    private func explain(_ error: SubprocessError, path: String) -> ProcessError {
        if error.code == .failedToChangeWorkingDirectory {
            return .noWorkingDirectory(path: workingDirectory ?? ".")
        }
        switch error.underlyingError {
        case .noSuchFileOrDirectory?: return .notRunnable(path: path, reason: "the interpreter it names is missing")
        case .some(Errno(rawValue: ENOEXEC)):
            return .notRunnable(path: path, reason: "it is not a program and has no #! line")
        case .permissionDenied?: return .notExecutable(path: path)
        case .argListTooLong?: return .notRunnable(path: path, reason: "its arguments and environment are too long")
        default: break
        }
        if error.code == .executableNotFound {
            return .notRunnable(
                path: path, reason: "it is not a program and has no #! line, or its interpreter is missing")
        }
        return .failed(executable: executable, reason: error.description)
    }
}

/// Makes a write to a child that has closed its input an error instead of terminating this process.
private let ignoreBrokenPipes: Void = {
    _ = signal(SIGPIPE, SIG_IGN)
}()
