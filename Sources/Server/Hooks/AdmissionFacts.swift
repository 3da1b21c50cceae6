import Controller
import Journal
import NIOConcurrencyHelpers
import ReleaseMachine

/// The facts of `Admission`, with an app's releases kept while they do not change: ten thousand deliveries do not read the app's history
/// ten thousand times.
struct AdmissionFacts: Sendable {
    private struct Known: Sendable {
        var head: JournalHead
        var releases: [Release]
    }

    private let apps: any ServedApps
    private let journal: Journal
    private let known = NIOLockedValueBox<[String: Known]>([:])

    init(apps: any ServedApps, journal: Journal) {
        self.apps = apps
        self.journal = journal
    }

    func admission(_ app: String) async throws -> Admission {
        try await apps.releases(app).admission(releases: releases(app))
    }

    private func releases(_ app: String) async throws -> [Release] {
        guard let head = try await journal.head(app: app) else { return [] }
        let last = known.withLockedValue { $0[app] }
        if let last, last.head == head { return last.releases }
        // While a release runs, each of its events changes the head.
        let releases = try await journal.releases(app: app, limit: 100, known: last?.releases ?? [])
        known.withLockedValue { $0[app] = Known(head: head, releases: releases) }
        return releases
    }
}
