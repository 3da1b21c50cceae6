import Glibc

/// The connection pool of a transport.
actor SSHPool {
    struct Lease: Sendable {
        var session: SSHSession
        /// Whether the session has had a conversation before.
        var isUsed: Bool
    }

    private struct Key: Hashable {
        var node: Node
        var sudo: Bool
    }

    private struct Idle {
        var session: SSHSession
        var since: ContinuousClock.Instant
    }

    private let settings: SSHSettings
    private let configuration: SSHConfiguration
    private let newSessions: AsyncStream<SSHSession>.Continuation
    private let capacity: ConcurrencyLimit
    private let limit: Int
    /// The number of open sessions.
    private var count = 0
    private var waiting = 0
    private var idle: [Key: [Idle]] = [:]
    private var isClosed = false

    init(
        _ settings: SSHSettings, _ configuration: SSHConfiguration, _ newSessions: AsyncStream<SSHSession>.Continuation
    ) {
        self.settings = settings
        self.configuration = configuration
        self.newSessions = newSessions
        limit = max(1, min(settings.connectionLimit, Descriptors.limit(for: settings.connectionLimit * 6 + 256) / 6))
        capacity = ConcurrencyLimit(limit)
    }

    /// An idle session with the node, or a new one when there is capacity.
    /// - Throws: `CancellationError`; also once the transport is closed.
    func session(for node: Node, sudo: Bool) async throws -> Lease {
        let key = Key(node: node, sudo: sudo)
        while let found = idle[key]?.popLast() {
            if idle[key]?.isEmpty == true { idle[key] = nil }
            if await found.session.isUsable { return Lease(session: found.session, isUsed: true) }
        }
        if count + waiting >= limit { await closeOldest() }
        waiting += 1
        defer { waiting -= 1 }
        try await capacity.acquire()
        count += 1
        let session = SSHSession(settings, configuration, node: node, sudo: sudo)
        guard !isClosed, case .enqueued = newSessions.yield(session) else {
            await remove(session)
            throw CancellationError()
        }
        return Lease(session: session, isUsed: false)
    }

    func release(_ session: SSHSession) async {
        // Another node's conversation waits for capacity: close this session instead of keeping it idle.
        if isClosed || (waiting > 0 && count >= limit) {
            await session.close()
        } else {
            idle[Key(node: session.node, sudo: session.sudo), default: []].append(Idle(session: session, since: .now))
        }
    }

    /// Removes a session whose process has ended.
    func remove(_ session: SSHSession) async {
        count -= 1
        let key = Key(node: session.node, sudo: session.sudo)
        idle[key]?.removeAll { $0.session === session }
        if idle[key]?.isEmpty == true { idle[key] = nil }
        await capacity.release()
    }

    /// Closes the idle sessions; busy ones close after their conversation.
    func close() async {
        isClosed = true
        let sessions = idle.values.joined().map(\.session)
        idle = [:]
        for session in sessions { await session.close() }
        newSessions.finish()
    }

    /// Closes sessions that exceed the idle limit, until cancelled.
    func closeExpired() async {
        // The timer need not be exact.
        while (try? await Task.sleep(for: min(settings.idleLimit / 2, .seconds(30)))) != nil {
            let limit = ContinuousClock.now - settings.idleLimit
            for old in idle.values.joined() where old.since < limit { await old.session.close() }
        }
    }

    private func closeOldest() async {
        guard let key = idle.min(by: { ($0.value.first?.since ?? .now) < ($1.value.first?.since ?? .now) })?.key,
            let oldest = idle[key]?.removeFirst()
        else { return }
        if idle[key]?.isEmpty == true { idle[key] = nil }
        await oldest.session.close()
    }
}

private enum Descriptors {
    /// The limit of open files, after trying to raise it to `wanted`: the usual limit of 1024 is a soft one, for programs that use
    /// select(2).
    static func limit(for wanted: Int) -> Int {
        var limit = rlimit()
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        guard getrlimit(resource, &limit) == 0 else { return 1024 }
        if limit.rlim_cur < UInt(wanted) {
            limit.rlim_cur = min(UInt(wanted), limit.rlim_max)
            _ = setrlimit(resource, &limit)
            _ = getrlimit(resource, &limit)
        }
        return Int(clamping: limit.rlim_cur)
    }
}
