import Processes

/// A way to run the node script on a node.
package protocol NodeTransport: Sendable {
    /// Runs one conversation with the node script (`NodeScript`), as root if `sudo` is set, and returns how the script ended.
    ///
    /// The arguments may be any text; no transport passes them through a shell. `deadline` is the time limit from now; when it passes,
    /// the remote script is stopped. `onLine` receives each line, in order within its stream.
    /// - Throws: `NodeUnreachable` when the conversation could not start; `CancellationError`.
    func run(
        arguments: [String],
        payload: NodePayload,
        on node: Node,
        sudo: Bool,
        deadline: Duration,
        onLine: @escaping @Sendable (OutputLine) async -> Void
    ) async throws -> Termination
}

/// The conversation with a node could not start.
package struct NodeUnreachable: Error, Sendable, Hashable {
    package var why: String

    package init(_ why: String) {
        self.why = why
    }
}

/// nginx on this machine: the script runs in a child process.
package struct LocalTransport: NodeTransport {
    private let shell: [String]
    private let environment: [String: String]?

    /// - Parameters:
    ///   - shell: The shell's command line (`["busybox", "sh"]`).
    ///   - environment: The script's environment; `nil`: this process's.
    package init(shell: [String] = ["sh"], environment: [String: String]? = nil) {
        self.shell = shell
        self.environment = environment
    }

    package func run(
        arguments: [String],
        payload: NodePayload,
        on node: Node,
        sudo: Bool,
        deadline: Duration,
        onLine: @escaping @Sendable (OutputLine) async -> Void
    ) async throws -> Termination {
        let commandLine = (sudo ? ["sudo", "-n"] : []) + shell + ["-s", "--"] + arguments
        let input = NodeScript.input(payload: payload)
        let command = Command(commandLine[0], Array(commandLine.dropFirst()), environment: environment, input: input)
        do {
            return try await command.run(deadline: deadline, onLine: onLine).termination
        } catch let error as ProcessError {
            throw NodeUnreachable(error.description)
        }
    }
}
