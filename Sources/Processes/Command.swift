/// A program to run as a child process: its arguments, environment and input.
package struct Command: Sendable {
    /// A path, or a name without a slash that is looked up on `PATH`.
    package var executable: String
    package var arguments: [String]
    /// The whole environment of the child; `nil` inherits this process's.
    package var environment: [String: String]?
    /// The child's working directory; `nil` is this process's.
    package var workingDirectory: String?
    /// What the child reads on its standard input; `nil` is `/dev/null`.
    package var input: String?

    package init(
        _ executable: String,
        _ arguments: [String] = [],
        environment: [String: String]? = nil,
        workingDirectory: String? = nil,
        input: String? = nil
    ) {
        self.executable = executable
        self.arguments = arguments
        self.environment = environment
        self.workingDirectory = workingDirectory
        self.input = input
    }
}

/// One line that a child wrote, without its line ending.
package struct OutputLine: Sendable, Hashable {
    package enum Stream: Sendable, Hashable {
        case output
        case error
    }

    package var stream: Stream
    /// Bytes that are not UTF-8 appear as U+FFFD.
    package var text: String
    /// The line was longer than 16 KiB; `text` is its beginning.
    package var isTruncated: Bool
}

/// How a child ended.
package enum Termination: Sendable, Hashable {
    case exited(Int32)
    case signalled(Int32)
    /// It was still running at its deadline, and its whole process group was terminated.
    case deadlineExceeded
}

extension Termination: CustomStringConvertible {
    package var description: String {
        switch self {
        case .exited(let code): "exited with status \(code)"
        case .signalled(let signal): "was terminated by signal \(signal)"
        case .deadlineExceeded: "was terminated because it timed out"
        }
    }
}

/// A child that has ended.
package struct Completed: Sendable, Hashable {
    package var termination: Termination
    /// The end of its standard output: by default the last 256 KiB.
    package var output: String
    /// The end of its standard error: by default the last 256 KiB.
    package var error: String

    package init(termination: Termination, output: String, error: String) {
        self.termination = termination
        self.output = output
        self.error = error
    }

    /// It exited with status 0.
    package var succeeded: Bool { termination == .exited(0) }
}

/// Why a child could not be started.
package enum ProcessError: Error, Sendable, Hashable {
    case notFound(executable: String)
    case notExecutable(path: String)
    /// The file is executable, but the system cannot run it: a script whose interpreter is missing, a program for another
    /// architecture.
    case notRunnable(path: String, reason: String)
    case noWorkingDirectory(path: String)
    /// A NUL character in an argument or in the environment would silently cut it short.
    case containsNUL(executable: String, what: String)
    case failed(executable: String, reason: String)
}

extension ProcessError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .notFound(let executable):
            executable.contains("/")
                ? "\(executable): no such program"
                : "\(executable): no such program on PATH; install it, or give its full path"
        case .notExecutable(let path): "\(path): is not an executable file"
        case .notRunnable(let path, let reason): "\(path): cannot be run: \(reason)"
        case .noWorkingDirectory(let path): "\(path): cannot be used as a working directory"
        case .containsNUL(let executable, let what): "\(executable): its \(what) must not contain a NUL character"
        case .failed(let executable, let reason): "\(executable): could not be started: \(reason)"
        }
    }
}
