import Processes

/// Reaches nodes with OpenSSH's `ssh`, so that ssh_config, agents, ProxyJump, certificates and hardware keys work as configured.
///
/// A connection is opened for the first conversation and kept for the following ones: a conversation over an open connection costs one
/// round trip, opening one costs a process here and a handshake at both ends. Two concurrent conversations with a node use two
/// connections.
package struct SSHTransport: NodeTransport {
    private let pool: SSHPool
    private let settings: SSHSettings

    /// Runs `body` with a transport, and closes every connection afterwards.
    /// - Throws: `SSHConfigurationError`, or the error of `body`.
    package static func withTransport<Value>(
        _ settings: SSHSettings,
        _ body: (SSHTransport) async throws -> Value
    ) async throws -> Value {
        let configuration = try SSHConfiguration(settings, client: await SSHClient.query(settings.program))
        defer { configuration.remove() }
        let (newSessions, continuation) = AsyncStream<SSHSession>.makeStream()
        let pool = SSHPool(settings, configuration, continuation)
        // Not child tasks: when this task is cancelled, its conversations must end first, so that each can tell its node to stop, and
        // then the sessions. Both tasks are awaited here.
        let sessionTasks = Task {
            await withDiscardingTaskGroup { sessions in
                for await session in newSessions {
                    sessions.addTask {
                        await session.run()
                        await pool.remove(session)
                    }
                }
            }
        }
        let expiryTask = Task { await pool.closeExpired() }
        let result: Result<Value, any Error>
        do {
            result = .success(try await body(SSHTransport(pool: pool, settings: settings)))
        } catch {
            result = .failure(error)
        }
        expiryTask.cancel()
        await pool.close()
        await expiryTask.value
        await sessionTasks.value
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
            // The time until a connection was available does not count.
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
                await pool.release(lease.session)
                return .exited(status)
            case .cancelled:
                throw CancellationError()
            case .deadlineExceeded(nil):
                return .deadlineExceeded
            case .deadlineExceeded(let failure?):
                throw NodeUnreachable(failure.sentence(after: deadline))
            case .unreachable(let failure):
                // sshd refuses connections when too many are starting (MaxStartups): retry.
                let pause = backoff * Double.random(in: 0.5...1.5)
                guard failure.isTransient, begin.duration(to: clock.now) + pause < settings.connectTimeout else {
                    throw NodeUnreachable(await failure.explanation)
                }
                try await Task.sleep(for: pause)
                backoff = min(backoff * 2, .seconds(1))
            case .lost(let failure, let hasOutput):
                if hasOutput { return .exited(255) }
                // The connection was lost while it was idle, or just now. Commands are idempotent, so that repeating one is safe.
                guard lease.isUsed, mayReplace else { throw NodeUnreachable(failure.sentence) }
                mayReplace = false
            }
        }
    }
}
