import Controller
import Fleet
import Foundation
import Journal
import Kubernetes
import Processes
import ViridianConfiguration

extension Installation {
    /// What a verb opens an installation for, which decides what it can do without.
    enum Purpose: Sendable {
        /// The verb writes: journal and cluster must be usable.
        case writing
        /// The verb only reads: it works with a journal that is read-only and with a cluster that is configured wrongly.
        case reading
        /// The verb reports problems: it works even without a usable journal.
        case checking
    }

    /// Opens what a verb needs, runs `body`, and closes it. `config` is the value of `--config`; with `connecting`, cluster and nodes
    /// are available too.
    static func open<T>(
        config: String?,
        connecting: Bool,
        for purpose: Purpose = .writing,
        _ body: (Installation) async throws -> T
    ) async throws -> T {
        let path = try ConfigurationFile.locate(explicit: config)
        let configuration = try Configuration.load(file: path)
        let journal = try OpenedJournal.open(configuration.journal, for: purpose)
        do {
            let value = try await reach(configuration, journal, connecting ? purpose : nil, body)
            journal.directory?.remove()
            return value
        } catch {
            journal.directory?.remove()
            throw error
        }
    }

    /// Runs `body` with cluster and nodes; without them if `purpose` is `nil`.
    private static func reach<T>(
        _ configuration: Configuration,
        _ opened: OpenedJournal,
        _ purpose: Purpose?,
        _ body: (Installation) async throws -> T
    ) async throws -> T {
        guard let purpose else {
            return try await body(
                Installation(
                    configuration: configuration, journal: opened.journal, clusters: [], journalProblem: opened.problem)
            )
        }
        // Where there are several clusters, what one of them lacks concerns its own apps.
        let tolerance = ConnectedCluster.Tolerance(
            client: purpose != .writing || configuration.hasSeveralClusters,
            fleet: purpose == .checking || configuration.hasSeveralClusters)
        return try await ConnectedCluster.withConnections(to: configuration.clusters, tolerating: tolerance) {
            clusters in
            try await body(
                Installation(
                    configuration: configuration, journal: opened.journal, clusters: clusters,
                    journalProblem: opened.problem))
        }
    }
}
