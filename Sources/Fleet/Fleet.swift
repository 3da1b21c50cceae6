import Nginx
import Processes

/// A line that a command on a node printed.
package struct NodeLine: Sendable, Hashable {
    package var node: Node
    package var text: String
}

/// The nodes of an inventory, and the conversations with them.
package struct Fleet: Sendable {
    private let inventory: any NodeInventory
    private let transport: any NodeTransport
    private let settings: NodeSettings
    private let startLimit: ConcurrencyLimit
    private let startTimeout: Duration
    let cache = NodeCache()
    let clocks = NodeClocks()

    /// `parallel` is the highest number of conversations that start at the same time: starting is expensive (a handshake, a shell). A
    /// conversation counts as starting until the node sends output, or for `startTimeout`.
    package init(
        inventory: any NodeInventory,
        transport: any NodeTransport,
        settings: NodeSettings,
        parallel: Int = 20,
        startTimeout: Duration = .seconds(1)
    ) {
        self.inventory = inventory
        self.transport = transport
        self.settings = settings
        startLimit = ConcurrencyLimit(parallel)
        self.startTimeout = startTimeout
    }

    /// The current nodes of the inventory.
    /// - Throws: `InventoryError`, or the inventory's own errors.
    package func nodes() async throws -> [Node] {
        let nodes = try await inventory.nodes()
        // Checked again here, whichever the inventory is.
        return try StaticInventory.checked(nodes.map(\.address)).isEmpty ? [] : nodes
    }

    /// Reads every node of the inventory, in its order.
    package func read(_ upstream: Upstream) async throws -> [NodeReadResult] {
        await read(upstream, on: try await nodes())
    }

    /// Reads these nodes concurrently, each with its own deadline.
    ///
    /// A `token` above 0 is stored on the nodes, which then refuse commands with a lower one, even if they were sent before.
    package func read(_ upstream: Upstream, on nodes: [Node], claiming token: Int = 0) async -> [NodeReadResult] {
        await withTaskGroup(of: (Int, NodeReadResult).self) { group in
            for (index, node) in nodes.enumerated() {
                group.addTask { (index, await read(upstream, on: node, claiming: token)) }
            }
            var readings: [NodeReadResult?] = Array(repeating: nil, count: nodes.count)
            for await (index, reading) in group { readings[index] = reading }
            return readings.compactMap { $0 }
        }
    }

    private func read(_ upstream: Upstream, on node: Node, claiming token: Int) async -> NodeReadResult {
        do {
            let facts = try await converse("read", of: upstream, with: node, token: token)
            return NodeReadResult(node: node, outcome: .success(try await report(of: upstream, on: node, facts)))
        } catch let failure as NodeFailure {
            return NodeReadResult(node: node, outcome: .failure(failure))
        } catch {
            return NodeReadResult(node: node, outcome: .failure(NodeFailure(node, .unreachable(why: "\(error)"))))
        }
    }

    /// Converts the facts to a report, and caches the file for a later switch.
    func report(of upstream: Upstream, on node: Node, _ facts: Facts) async throws -> NodeReport {
        let report: NodeReport
        do {
            report = try facts.report(of: upstream)
        } catch {
            throw NodeFailure(node, error)
        }
        await cache.store(report.file, of: upstream, on: node)
        return report
    }

    /// One conversation. `extra` is added to the settings' timeout; `token` is the release's number (the fence).
    /// - Throws: `NodeFailure` when it could not start or complete; `CancellationError`.
    func converse(
        _ action: String,
        of upstream: Upstream,
        with node: Node,
        arguments: [String] = [],
        payload: NodePayload = .none,
        token: Int = 0,
        extra: Duration = .zero,
        onLine: @escaping @Sendable (NodeLine) async -> Void = { _ in }
    ) async throws -> Facts {
        let limit = settings.timeout + extra
        let output = ConversationOutput()
        let termination = try await run(
            action,
            arguments: ["app=\(upstream.app)", "token=\(token)"] + upstream.assetArguments(for: node) + arguments,
            payload: payload, on: node, limit: limit
        ) { line in
            if let text = await output.take(line) { await onLine(NodeLine(node: node, text: text)) }
        }
        let facts = await output.facts
        if let clock = facts.clock { await clocks.store(clock, of: node) }
        if let reason = facts.problem(of: action, termination, limit: limit) ?? facts.refusal(token: token) {
            throw NodeFailure(node, reason)
        }
        return facts
    }

    /// The conversation itself. `limit` is the time for all of it.
    /// - Throws: `NodeFailure` when it could not start; `CancellationError`.
    func run(
        _ action: String,
        arguments: [String],
        payload: NodePayload,
        on node: Node,
        limit: Duration,
        onLine: @escaping @Sendable (OutputLine) async -> Void
    ) async throws -> Termination {
        let settings = settings.filled(for: node)
        let command =
            [action, "backends=\(settings.backends)", "test=\(settings.test)", "reload=\(settings.reload)"]
            + (settings.pid.map { ["pid=\($0)"] } ?? []) + arguments
        let start = try await ConversationStart(startLimit, timeout: startTimeout)
        // From now on this process waits for at most `limit`, so that the node must not start after that.
        let until = await clocks.deadline(for: node, in: limit).map { ["until=\($0)"] } ?? []
        do {
            return try await start.heldWhile {
                try await transport.run(
                    arguments: command + until,
                    payload: payload,
                    on: node,
                    sudo: settings.sudo,
                    deadline: limit
                ) { line in
                    await start.release()
                    await onLine(line)
                }
            }
        } catch let error as NodeUnreachable {
            throw NodeFailure(node, .unreachable(why: error.why))
        }
    }

    /// The time limit of a conversation, without that of its action.
    var timeout: Duration { settings.timeout }

    /// The time limit for verifying a reload on the node, in hundredths of a second.
    func verifyLimit(for node: Node) -> Int {
        min(settings.verify.hundredths, .largestNodeNumber)
    }
}
