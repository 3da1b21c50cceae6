import Controller
import Integrations
import Journal
import Logging
import ViridianConfiguration

/// The server's components. One instance for the life of the server.
package struct Services: Sendable {
    package let apps: any ServedApps
    package let journal: Journal
    package let clock: any ReleaseClock
    package let settings: ServerSettings
    package let logger: Logger
    package let metrics: Metrics
    /// The current state of every app, and the feeds of releases.
    package let appStates: AppStateCache
    /// Checks the cluster and the nodes, at intervals and on request.
    package let driftMonitor: DriftMonitor
    /// Runs releases, and passes commands on to those that run.
    package let runner: ReleaseRunner
    package let authenticator: Authenticator
    /// This server among the others on the same journal.
    package let presence: ServerPresence
    package let hookSettings: HookSettings
    let inbox: Inbox
    /// Acts on what is in the inbox.
    package let deliveries: DeliveryProcessor
    /// The versions that wait to be released.
    package let queue: ReleaseQueue
    let poller: TagPoller
    let registries: RegistryClients
    /// Tells other systems about releases.
    package let outbox: Outbox
    /// What people in Slack ask for; `nil` where Slack is not configured.
    package let slackRequests: SlackRequests?

    package init(
        apps: any ServedApps,
        journal: Journal,
        clock: any ReleaseClock = SystemClock(),
        settings: ServerSettings,
        hooks: HookSettings = HookSettings(),
        destinations: [any OutboxDestination] = [],
        slack: SlackAccess? = nil,
        logger: Logger
    ) async throws {
        self.apps = apps
        self.journal = journal
        self.clock = clock
        self.settings = settings
        self.logger = logger
        metrics = Metrics(
            version: settings.version,
            clusters: apps.configurations.reduce(into: [:]) { $0[$1.name.text] = $1.cluster })
        metrics.beginDeliveries(hooks.hooks)
        appStates = try await AppStateCache(
            apps: apps, journal: journal, metrics: metrics, clock: clock, heartbeat: settings.heartbeat)
        presence = ServerPresence(
            journal: journal, settings: settings, startedAt: clock.now, metrics: metrics, logger: logger)
        driftMonitor = DriftMonitor(
            apps: apps, journal: journal, appStates: appStates, metrics: metrics, clock: clock,
            interval: settings.checkInterval, repairing: JournalLease("repair", presence), logger: logger)
        runner = ReleaseRunner(
            apps: apps, appStates: appStates, driftMonitor: driftMonitor, clock: clock, logger: logger)
        authenticator = Authenticator(journal: journal, clock: clock, limits: settings.rateLimits)
        outbox = Outbox(
            destinations: destinations, journal: journal, appStates: appStates, clock: clock, metrics: metrics,
            server: presence.id, logger: logger)
        let server = presence.id
        slackRequests = slack.map {
            SlackRequests(
                $0, journal: journal, clock: clock, server: server, limits: settings.rateLimits, logger: logger)
        }
        hookSettings = hooks
        inbox = Inbox(journal: journal)
        queue = ReleaseQueue(apps: apps, journal: journal, starter: runner, clock: clock, logger: logger)
        registries = RegistryClients(hooks.registries)
        let lookup = PausingLookup(hooks.lookup ?? registries, clock: clock)
        poller = TagPoller(
            apps: apps, journal: journal, lookup: lookup, inbox: inbox, queue: queue, clock: clock, settings: hooks,
            logger: logger)
        let decider = DeliveryDecider(
            apps: apps, journal: journal, lookup: lookup, queue: queue, poller: poller, clock: clock)
        deliveries = DeliveryProcessor(
            decider: decider, journal: journal, clock: clock, server: presence.id, logger: logger)
    }
}

extension Services {
    /// Whether the configuration has an app of that name.
    func knows(_ app: String) -> Bool { apps.configurations.contains { $0.name.text == app } }
}
