import Controller
import Kubernetes
import ReleaseMachine
import ViridianConfiguration

/// What the cluster has of many apps, for those who watch all of them: one watch for each kind of object, in all namespaces. It costs
/// three open connections, however many apps there are.
///
/// Where the account may not list and watch a kind in all namespaces, each app is read by itself, with the rights in its namespace. A
/// release reads its app by itself in any case (`AppCluster`).
package actor ClusterSurveys {
    private enum State {
        case starting
        case current
        /// The cluster does not answer: what was read before may be outdated.
        case interrupted(any Error)
        /// The account may not watch it in all namespaces, or the cluster does not have it.
        case unavailable
    }

    private let client: KubernetesClient
    private let apps: WatchedApps
    private let pause: @Sendable (Duration) async throws -> Void
    /// Read once: it is the same for all apps.
    private let holder = LeaseHolder.current()
    private var states: [Resource: State] = [:]
    private var objects: [Resource: [WatchedObject.Key: WatchedObject.Content]] = [:]
    private var waiting: [AsyncStream<Void>.Continuation] = []

    /// When a kind that may not be watched is tried again: rights may have been granted meanwhile.
    private static let retryAfterDenial = Duration.seconds(60)
    private static let retryAfterFailure = Duration.seconds(5)
    static let kinds: [Resource] = [.leases, .deployments, .replicationControllers]

    /// `pause` waits before a watch is tried again.
    package init(
        client: KubernetesClient, apps: [AppConfiguration],
        pause: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }
    ) {
        self.client = client
        self.pause = pause
        self.apps = WatchedApps(apps)
        for kind in Self.kinds { states[kind] = .starting }
    }

    // MARK: - Watching

    /// Watches until the task is cancelled. Who asks for a survey waits until each kind has been listed, or cannot be; when the watches
    /// have ended, each app is read by itself.
    package func run() async {
        if apps.isEmpty { return stop() }
        await withDiscardingTaskGroup { group in
            for kind in Self.kinds { group.addTask { await self.follow(kind) } }
        }
        stop()
    }

    private func stop() {
        for kind in Self.kinds { set(.unavailable, of: kind) }
    }

    private func follow(_ kind: Resource) async {
        let fields = kind == .leases ? "metadata.name=\(AppLease.name)" : nil
        let apps = apps
        while !Task.isCancelled {
            var delay = Self.retryAfterFailure
            do {
                let watch = client.watch(kind, fields: fields, reportsResumption: true) { object in
                    WatchedObject(object, of: apps)?.json
                }
                for try await event in watch { apply(event, of: kind) }
            } catch let error as KubernetesError where error.isDenied || error.isNotFound {
                set(.unavailable, of: kind)
                delay = Self.retryAfterDenial
            } catch {
                if !Task.isCancelled { set(.interrupted(error), of: kind) }
            }
            try? await pause(delay)
        }
    }

    private func apply(_ event: WatchEvent, of kind: Resource) {
        switch event {
        case .snapshot(let list):
            objects[kind] = Dictionary(list.items.compactMap(WatchedObject.init(kept:)).map { ($0.key, $0.content) }) {
                $1
            }
            set(.current, of: kind)
        case .added(let object), .modified(let object):
            if let kept = WatchedObject(kept: object) { objects[kind, default: [:]][kept.key] = kept.content }
            set(.current, of: kind)
        case .deleted(let object):
            if let kept = WatchedObject(kept: object) { objects[kind]?[kept.key] = nil }
            set(.current, of: kind)
        case .interrupted(let error): set(.interrupted(error), of: kind)
        case .resumed: set(.current, of: kind)
        }
    }

    private func set(_ state: State, of kind: Resource) {
        states[kind] = state
        if case .unavailable = state { objects[kind] = nil }
        guard !isStarting else { return }
        for waiter in waiting { waiter.finish() }
        waiting = []
    }

    private var isStarting: Bool {
        states.values.contains { if case .starting = $0 { true } else { false } }
    }

    /// Returns when each kind has been listed, or cannot be.
    private func waitForStart() async {
        guard isStarting else { return }
        let (started, waiter) = AsyncStream.makeStream(of: Void.self)
        waiting.append(waiter)
        for await _ in started {}
    }

    // MARK: - Reading

    /// What the cluster has of an app.
    /// - Throws: why it cannot be read: the watches' error, or that of `AppCluster`; `UnknownApp`.
    package func survey(_ name: String) async throws -> ClusterSurvey {
        guard let app = apps[name] else { throw UnknownApp(name: name, known: apps.names) }
        await waitForStart()
        try Task.checkCancellation()
        let cluster = AppCluster(client: client, app: app, holder: holder)
        if let survey = try watched(app, kinds: cluster.kinds) { return survey }
        return try await cluster.survey()
    }

    /// `nil` where a kind that the app needs is not watched.
    private func watched(_ app: AppConfiguration, kinds: [Resource]) throws -> ClusterSurvey? {
        for kind in [.leases, kinds[0]] + kinds.dropFirst() {
            switch states[kind] {
            case .interrupted(let error): throw error
            case .current: continue
            case .unavailable where kind != .leases && kind != kinds[0]:
                continue  // As in AppCluster: the account needs rights for the configured kind only.
            case .starting, .unavailable, nil: return nil
            }
        }
        var survey = ClusterSurvey(recorded: nil, recordedBy: nil, workloads: [:])
        let lease = WatchedObject.Key(namespace: app.namespace, name: AppLease.name)
        if case .lease(let live) = objects[.leases]?[lease] {
            (survey.recorded, survey.recordedBy, survey.journal) = (live.version, live.release, live.journal)
        }
        for color in Color.allCases {
            let key = WatchedObject.Key(namespace: app.namespace, name: app.workloadName(color))
            let found = kinds.lazy.compactMap { self.objects[$0]?[key] }.first
            if case .workload(let workload?) = found { survey.workloads[color] = workload }
        }
        return survey
    }
}
