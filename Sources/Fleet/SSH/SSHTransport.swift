import Processes

/// Nodes reached by OpenSSH's `ssh`, so that ssh_config, agents, ProxyJump, certificates and hardware keys work as people have them.
///
/// A connection is opened with the first conversation and held for those that follow: a conversation over an open one costs the node's
/// work and one round trip, where opening one costs a process here and a handshake at both ends. Two conversations with a node at
/// one time take two connections.
package struct SSHTransport: NodeTransport {
    private let pool: SSHPool
    private let settings: SSHSettings

    /// Runs `body` with a transport, and ends every connection after it.
    /// - Throws: `SSHConfigurationError`, and what `body` throws.
    package static func withTransport<Value>(
        _ settings: SSHSettings,
        _ body: (SSHTransport) async throws -> Value
    ) async throws -> Value {
        let configuration = try SSHConfiguration(settings, client: await SSHClient.asked(settings.program))
        defer { configuration.remove() }
        let (births, birth) = AsyncStream<SSHSession>.makeStream()
        let pool = SSHPool(settings, configuration, birth)
        // Not child tasks: when this task is cancelled, its conversations end, each asks its node to end what is running there, and only
        // then do the sessions. Both tasks are waited for here.
        let nursery = Task {
            await withDiscardingTaskGroup { sessions in
                for await session in births {
                    sessions.addTask {
                        await session.live()
                        await pool.remove(session)
                    }
                }
            }
        }
        let sweeper = Task { await pool.sweep() }
        let result: Result<Value, any Error>
        do {
            result = .success(try await body(SSHTransport(pool: pool, settings: settings)))
        } catch {
            result = .failure(error)
        }
        sweeper.cancel()
        await pool.close()
        await sweeper.value
        await nursery.value
        return try result.get()
    }

    package func run(
        arguments: [String],
        payload: NodePayload,
        on node: Node,
        sudo: Bool,
        deadline: Duration,
        onLine: @escaping @Sendable (OutputLine) async -> Void
    ) async throws -> Termination {
        let clock = ContinuousClock()
        var start: ContinuousClock.Instant?
        var backoff = Duration.milliseconds(100)
        var mayReplace = true
        while true {
            let lease = try await pool.session(for: node, sudo: sudo)
            // The time until there was room for a connection is nobody's fault.
            let begin = start ?? clock.now
            start = begin
            let outcome = await lease.session.converse(
                arguments: arguments,
                payload: payload,
                limit: deadline - begin.duration(to: clock.now),
                onLine: onLine
            )
            switch outcome {
            case .ended(let status):
                await pool.giveBack(lease.session)
                return .exited(status)
            case .cancelled:
                throw CancellationError()
            case .deadlineExceeded(nil):
                return .deadlineExceeded
            case .deadlineExceeded(let trouble?):
                throw NodeUnreachable(trouble.sentence(after: deadline))
            case .unreachable(let trouble):
                // sshd refuses some of many that come at once (MaxStartups): that passes.
                let pause = backoff * Double.random(in: 0.5...1.5)
                guard trouble.isTransient, begin.duration(to: clock.now) + pause < settings.connectTimeout else {
                    throw NodeUnreachable(await trouble.explanation)
                }
                try await Task.sleep(for: pause)
                backoff = min(backoff * 2, .seconds(1))
            case .lost(let trouble, let heard):
                if heard { return .exited(255) }
                // A connection that died while it was idle, or in this moment. To repeat an order is safe, since it changes nothing where it
                // has been carried out.
                guard lease.isUsed, mayReplace else { throw NodeUnreachable(trouble.sentence) }
                mayReplace = false
            }
        }
    }
}
