import Controller
import Journal
import Logging
import ReleaseMachine
import ViridianConfiguration

extension Retention {
    package init(keep: Duration, _ apps: [AppConfiguration], _ hooks: HookSettings) {
        self.init(keep: keep, listedApps: Set(apps.filter(hooks.asksRegistry).map(\.name.text)))
    }
}

extension Services {
    /// Why there is no page and no answer about a release.
    func noRelease(_ app: String, _ number: Int) async throws -> APIError {
        if let deleted = try await journal.deletedRelease(app: app, number: number) {
            return .notFound(deleted.description)
        }
        return .notFound("there is no release \(app)/\(number)")
    }

    /// Deletes what is older than what the journal keeps: once an hour, one of the servers does it for all. Until cancelled.
    func retentionWork() async {
        guard let keep = settings.keep else { return }
        var pruning = JournalPruning(Retention(keep: keep, apps.configurations, hookSettings), of: journal)
        let duty = JournalLease("retention", presence)
        while !Task.isCancelled {
            if await duty.isHeld() { await prune(&pruning, duty) }
            try? await clock.sleep(for: .seconds(3600))
        }
    }

    /// Between two transactions there is time for those of releases.
    private func prune(_ pruning: inout JournalPruning, _ duty: JournalLease) async {
        do {
            let now = clock.now
            let deleted = try await pruning.run(at: now) {
                try? await clock.sleep(for: .milliseconds(100))
                guard !Task.isCancelled else { return false }
                return await duty.isHeld()
            }
            guard !deleted.isEmpty else { return }
            logger.info(
                "deleted what is older than the journal keeps",
                metadata: [
                    "before": "\(pruning.retention.start(at: now).iso8601)", "releases": "\(deleted.releases)",
                    "apps": "\(deleted.apps.count)", "events": "\(deleted.events)", "versions": "\(deleted.versions)",
                    "locks": "\(deleted.locks)",
                ])
        } catch {
            guard !Task.isCancelled else { return }
            logger.error(
                "what is older than the journal keeps cannot be deleted", metadata: ["error": "\("\(error)".safe)"])
        }
    }
}
