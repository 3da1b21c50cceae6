import Fleet
import Foundation
import Processes
import Testing

/// Runs the script with parts of its text replaced: a node on which something is missing.
struct AlteredTransport: NodeTransport {
    var shell: [String] = ["sh"]
    var replaced: [String: String]

    func run(
        arguments: [String],
        payload: NodePayload,
        on node: Node,
        sudo: Bool,
        deadline: Duration,
        onLine: @escaping @Sendable (OutputLine) async -> Void
    ) async throws -> Termination {
        var input = NodeScript.input(payload: payload)
        for (old, new) in replaced {
            #expect(input.contains(old))
            input = input.replacing(old, with: new)
        }
        let command = Command(shell[0], shell.dropFirst() + ["-s", "--"] + arguments, input: input)
        return try await command.run(deadline: deadline, onLine: onLine).termination
    }
}

/// Counts the conversations that pass through it.
struct CountingTransport<Base: NodeTransport>: NodeTransport {
    let base: Base
    let count = Count()

    actor Count {
        private(set) var actions: [String] = []
        func add(_ action: String) { actions.append(action) }
    }

    func run(
        arguments: [String],
        payload: NodePayload,
        on node: Node,
        sudo: Bool,
        deadline: Duration,
        onLine: @escaping @Sendable (OutputLine) async -> Void
    ) async throws -> Termination {
        await count.add(arguments[0])
        return try await base.run(
            arguments: arguments, payload: payload, on: node, sudo: sudo, deadline: deadline, onLine: onLine)
    }
}

/// A node whose script does not know requests about many apps: it asks which app is meant.
let earlierScript = AlteredTransport(replaced: [
    "readall: | checkall:) ;;\n": "", "read | readall | stage": "read | stage", "check | checkall |": "check |",
])

/// A node that cannot be reached.
struct UnreachableTransport: NodeTransport {
    func run(
        arguments: [String], payload: NodePayload, on node: Node, sudo: Bool, deadline: Duration,
        onLine: @escaping @Sendable (OutputLine) async -> Void
    ) async throws -> Termination {
        throw NodeUnreachable("nobody is there")
    }
}

/// The tools of a node: a shell with GNU's tools, or busybox.
enum Toolbox: String, CaseIterable, Sendable {
    case dash, bash, busybox

    /// As far as they are installed here.
    static let installed = allCases.filter { toolbox in shells.contains { $0[0] == toolbox.rawValue } }

    /// busybox's own tools come first on its `PATH`; links to them are made in `directory`.
    func transport(in directory: String) async throws -> LocalTransport {
        guard self == .busybox else { return LocalTransport(shell: [rawValue]) }
        let tools = directory + "/busybox"
        try FileManager.default.createDirectory(atPath: tools, withIntermediateDirectories: true)
        let made = try await Command("busybox", ["--install", "-s", tools]).run()
        try #require(made.succeeded, "\(made.error)")
        return LocalTransport(
            shell: ["busybox", "sh"], environment: ["PATH": tools + ":/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/"])
    }
}

/// Keeps switch commands instead of sending them, and reports a timeout.
actor HeldOrders {
    struct Order: Sendable {
        var arguments: [String]
        var payload: NodePayload

        /// The node's uptime, in hundredths of a second, after which it must not begin.
        var until: Int {
            get throws { try #require(Int(try deadline[0])) }
        }

        /// Since which start of the node that uptime counts.
        var boot: String {
            get throws { try deadline[1] }
        }

        private var deadline: [String] {
            get throws {
                let word = try #require(arguments.last { $0.hasPrefix("until=") })
                let parts = word.dropFirst(6).split(separator: "@").map(String.init)
                try #require(parts.count == 2)
                return parts
            }
        }
    }

    private(set) var orders: [Order] = []

    func keep(_ order: Order) { orders.append(order) }
}

struct HoldingTransport: NodeTransport {
    let held = HeldOrders()

    func run(
        arguments: [String],
        payload: NodePayload,
        on node: Node,
        sudo: Bool,
        deadline: Duration,
        onLine: @escaping @Sendable (OutputLine) async -> Void
    ) async throws -> Termination {
        guard arguments.first == "switch" else {
            return try await LocalTransport()
                .run(arguments: arguments, payload: payload, on: node, sudo: sudo, deadline: deadline, onLine: onLine)
        }
        await held.keep(HeldOrders.Order(arguments: arguments, payload: payload))
        return .deadlineExceeded
    }
}

/// The machine's uptime in hundredths of a second.
func uptime() throws -> Int {
    let text = try String(contentsOfFile: "/proc/uptime", encoding: .utf8)
    return try #require(Int(text.prefix { $0 != " " }.filter { $0 != "." }))
}
