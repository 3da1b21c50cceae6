import Glibc

/// The connections of a transport: those that are idle, and room for new ones.
actor SSHPool {
    struct Lease: Sendable {
        var session: SSHSession
        /// It has had a conversation before.
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
    private let birth: AsyncStream<SSHSession>.Continuation
    private let room: Slots
    private let most: Int
    /// Sessions that hold a place.
    private var count = 0
    private var waiting = 0
    private var idle: [Key: [Idle]] = [:]
    private var isClosed = false

    init(_ settings: SSHSettings, _ configuration: SSHConfiguration, _ birth: AsyncStream<SSHSession>.Continuation) {
        self.settings = settings
        self.configuration = configuration
        self.birth = birth
        most = max(1, min(settings.mostConnections, Descriptors.limit(for: settings.mostConnections * 6 + 256) / 6))
        room = Slots(most)
    }

    /// An idle connection to the node, or a new one as soon as there is room.
    /// - Throws: `CancellationError`; also once the transport is closed.
    func session(for node: Node, sudo: Bool) async throws -> Lease {
        let key = Key(node: node, sudo: sudo)
        while let found = idle[key]?.popLast() {
            if idle[key]?.isEmpty == true { idle[key] = nil }
            if await found.session.isUsable { return Lease(session: found.session, isUsed: true) }
        }
        if count + waiting >= most { await closeOldest() }
        waiting += 1
        defer { waiting -= 1 }
        try await room.acquire()
        count += 1
        let session = SSHSession(settings, configuration, node: node, sudo: sudo)
        guard !isClosed, case .enqueued = birth.yield(session) else {
            await remove(session)
            throw CancellationError()
        }
        return Lease(session: session, isUsed: false)
    }

    func giveBack(_ session: SSHSession) async {
        // Somebody waits for room, for another node: this one would be idle until its limit.
        if isClosed || (waiting > 0 && count >= most) {
            await session.close()
        } else {
            idle[Key(node: session.node, sudo: session.sudo), default: []].append(Idle(session: session, since: .now))
        }
    }

    /// The session's process is gone.
    func remove(_ session: SSHSession) async {
        count -= 1
        let key = Key(node: session.node, sudo: session.sudo)
        idle[key]?.removeAll { $0.session === session }
        if idle[key]?.isEmpty == true { idle[key] = nil }
        await room.release()
    }

    /// Ends the idle connections; those that are busy end with their conversation.
    func close() async {
        isClosed = true
        let sessions = idle.values.joined().map(\.session)
        idle = [:]
        for session in sessions { await session.close() }
        birth.finish()
    }

    /// Closes what has been idle for too long, until it is cancelled.
    func sweep() async {
        // A timer: how exact it is does not matter.
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
    /// How many files this process may have open, after an attempt to make it `wanted`: the usual limit of 1024 is a soft one, for
    /// programs that use select(2).
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
