import Controller
import Journal
import Logging

/// Everything that a request may need. One for the life of the server.
package struct Services: Sendable {
    package let apps: any ServedApps
    package let journal: Journal
    package let clock: any ReleaseClock
    package let settings: ServerSettings
    package let logger: Logger
    package let metrics: Metrics
    /// What every app looks like at this moment, and the tails of releases that people watch.
    package let board: Board
    /// Looks at cluster and nodes now and then, and when it is asked to.
    package let lookout: Lookout
    /// Runs releases, and takes words to those that run.
    package let runner: ReleaseRunner
    package let access: Access

    package init(
        apps: any ServedApps,
        journal: Journal,
        clock: any ReleaseClock = SystemClock(),
        settings: ServerSettings,
        logger: Logger
    ) throws {
        self.apps = apps
        self.journal = journal
        self.clock = clock
        self.settings = settings
        self.logger = logger
        metrics = Metrics(version: settings.version)
        board = try Board(apps: apps, journal: journal, metrics: metrics, heartbeat: settings.heartbeat)
        lookout = Lookout(
            apps: apps, journal: journal, board: board, metrics: metrics, clock: clock,
            interval: settings.lookInterval, logger: logger)
        runner = ReleaseRunner(apps: apps, board: board, lookout: lookout, clock: clock, logger: logger)
        access = Access(journal: journal, clock: clock)
    }
}
