import Processes

/// A way to run the node script on a node.
package protocol NodeTransport: Sendable {
    /// Has one conversation with the node's script (`NodeScript`), as root when `sudo` is set, and returns how the script ended.
    ///
    /// The arguments are any text: no transport passes them through a shell. `deadline` is how long everything may take, from
    /// now; when it passes, the remote end is asked to end. `onLine` gets each line, in order within its stream. Throws
    /// `NodeUnreachable` when no conversation came about, and `CancellationError`.
    func run(
        arguments: [String],
        payload: NodePayload,
        on node: Node,
        sudo: Bool,
        deadline: Duration,
        onLine: @escaping @Sendable (OutputLine) async -> Void
    ) async throws -> Termination
}

/// There was no conversation with the node, and why.
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
    ///   - shell: The shell and the arguments that make it one (`["busybox", "sh"]`).
    ///   - environment: The script's whole environment; `nil` is this process's.
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
        let words = (sudo ? ["sudo", "-n"] : []) + shell + ["-s", "--"] + arguments
        let input = NodeScript.input(payload: payload)
        let command = Command(words[0], Array(words.dropFirst()), environment: environment, input: input)
        do {
            return try await command.run(deadline: deadline, onLine: onLine).termination
        } catch let error as ProcessError {
            throw NodeUnreachable(error.description)
        }
    }
}
