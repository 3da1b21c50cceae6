import Nginx
import Processes

/// A line that a node's own command printed.
package struct NodeLine: Sendable, Hashable {
    package var node: Node
    package var text: String
}

/// The nodes and the conversations with them.
package struct Fleet: Sendable {
    private let inventory: any Inventory
    private let transport: any NodeTransport
    private let settings: NodeSettings
    private let slots: Slots
    private let patience: Duration
    let memory = NodeMemory()
    let clocks = NodeClocks()

    /// `parallel` is how many conversations may be starting at one time: that is what costs (a handshake, a shell). Once a
    /// node has begun to answer, or has not for as long as `patience`, it holds up nobody.
    package init(
        inventory: any Inventory,
        transport: any NodeTransport,
        settings: NodeSettings,
        parallel: Int = 20,
        patience: Duration = .seconds(1)
    ) {
        self.inventory = inventory
        self.transport = transport
        self.settings = settings
        slots = Slots(parallel)
        self.patience = patience
    }

    /// The nodes as they are now.
    /// - Throws: `InventoryError`, or what the inventory could not do.
    package func nodes() async throws -> [Node] {
        let nodes = try await inventory.nodes()
        // Asked again here, so that no inventory can forget it.
        return try StaticInventory.checked(nodes.map(\.address)).isEmpty ? [] : nodes
    }

    /// Reads every node of the inventory; the answers are in its order.
    package func read(_ upstream: Upstream) async throws -> [NodeReading] {
        await read(upstream, on: try await nodes())
    }

    /// Reads these nodes, all at once; each costs at most its own deadline.
    ///
    /// A `token` above 0 is left on the nodes: orders with a lower one that are still on their way are refused from then on.
    package func read(_ upstream: Upstream, on nodes: [Node], claiming token: Int = 0) async -> [NodeReading] {
        await withTaskGroup(of: (Int, NodeReading).self) { group in
            for (index, node) in nodes.enumerated() {
                group.addTask { (index, await read(upstream, on: node, claiming: token)) }
            }
            var readings: [NodeReading?] = Array(repeating: nil, count: nodes.count)
            for await (index, reading) in group { readings[index] = reading }
            return readings.compactMap { $0 }
        }
    }

    private func read(_ upstream: Upstream, on node: Node, claiming token: Int) async -> NodeReading {
        do {
            let facts = try await converse("read", of: upstream, with: node, token: token)
            return NodeReading(node: node, outcome: .success(try await report(of: upstream, on: node, facts)))
        } catch let failure as NodeFailure {
            return NodeReading(node: node, outcome: .failure(failure))
        } catch {
            return NodeReading(node: node, outcome: .failure(NodeFailure(node, .unreachable(why: "\(error)"))))
        }
    }

    /// What the facts say, and the file remembered for a switch to come.
    func report(of upstream: Upstream, on node: Node, _ facts: Facts) async throws -> NodeReport {
        let report: NodeReport
        do {
            report = try facts.report(of: upstream)
        } catch {
            throw NodeFailure(node, error)
        }
        await memory.remember(report.file, of: upstream, on: node)
        return report
    }

    /// One conversation, to its end. `extra` is what the action may take beyond the settings' timeout, `token` the number
    /// that it carries. Throws `NodeFailure` when it did not come to its end or could not begin; `CancellationError`.
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
        let settings = settings.filled(for: node)
        let words =
            [
                action, "app=\(upstream.app)", "backends=\(settings.backends)", "test=\(settings.test)",
                "reload=\(settings.reload)", "token=\(token)",
            ] + (settings.pid.map { ["pid=\($0)"] } ?? []) + upstream.assetArguments(for: node) + arguments
        let limit = settings.timeout + extra
        let answer = Answer()
        let start = try await Start(slots, patience: patience)
        let termination: Termination
        do {
            // From here on this process waits for at most the limit, so that the node must not begin later than that.
            let until = await clocks.deadline(for: node, in: limit).map { ["until=\($0)"] } ?? []
            termination = try await start.heldWhile {
                try await transport.run(
                    arguments: words + until,
                    payload: payload,
                    on: node,
                    sudo: settings.sudo,
                    deadline: limit
                ) { line in
                    await start.release()
                    if let text = await answer.take(line) { await onLine(NodeLine(node: node, text: text)) }
                }
            }
        } catch let error as NodeUnreachable {
            throw NodeFailure(node, .unreachable(why: error.why))
        }
        let facts = await answer.collected
        if let clock = facts.clock { await clocks.remember(clock, of: node) }
        if let reason = facts.problem(of: action, termination, limit: limit) ?? facts.obstacle(token: token) {
            throw NodeFailure(node, reason)
        }
        return facts
    }

    /// How long the script may take to verify a reload, in hundredths of a second.
    func verifyLimit(for node: Node) -> Int {
        min(settings.verify.hundredths, .mostSaidByNode)
    }
}
