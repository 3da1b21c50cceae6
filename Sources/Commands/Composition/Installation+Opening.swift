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
        let alone = Installation(
            configuration: configuration, journal: opened.journal, cluster: nil, fleet: nil,
            journalProblem: opened.problem)
        guard let purpose else { return try await body(alone) }
        let found = try client(configuration.kubernetes, for: purpose)
        let client = found.client
        var installation = Installation(
            configuration: configuration, journal: opened.journal, cluster: client, fleet: nil,
            journalProblem: opened.problem, clusterProblem: found.problem)
        do {
            let value: T
            do {
                value = try await configuration.nodes.withTransport { transport in
                    installation.fleet = try Installation.fleet(configuration.nodes, in: client, transport)
                    return try await body(installation)
                }
            } catch let error as SSHConfigurationError where purpose == .checking {
                installation.fleetProblem = error.description
                value = try await body(installation)
            }
            await client?.shutdown()
            return value
        } catch {
            await client?.shutdown()
            throw error
        }
    }

    private static func client(
        _ settings: KubernetesConfiguration, for purpose: Purpose
    ) throws -> (client: KubernetesClient?, problem: String?) {
        do {
            let access = try ClusterAccess.discover(kubeconfig: settings.kubeconfig, context: settings.context)
            return (KubernetesClient(access), nil)
        } catch {
            guard purpose != .writing else { throw error }
            return (nil, "\(error)")
        }
    }
}

/// The journal that a verb gets: the configured one, or a copy of it if that cannot be opened and the verb only reads.
private struct OpenedJournal {
    var journal: Journal
    var problem: String?
    /// The directory of the copy.
    var directory: PrivateDirectory?

    static func open(_ path: String, for purpose: Installation.Purpose) throws -> OpenedJournal {
        do {
            return OpenedJournal(journal: try Journal(path: path))
        } catch {
            guard purpose != .writing else { throw error }
            return try inMemory(path, error, for: purpose)
        }
    }

    private static func inMemory(
        _ path: String, _ problem: JournalError, for purpose: Installation.Purpose
    ) throws -> OpenedJournal {
        // Preferred because the disk may be full.
        let memory = "/dev/shm"
        let parent = access(memory, W_OK) == 0 ? memory : FileManager.default.temporaryDirectory.path
        let directory = try PrivateDirectory(prefix: "viridian-journal-", in: parent)
        do {
            let journal = try substitute(path, problem, for: purpose, in: directory.path)
            return OpenedJournal(journal: journal, problem: problem.description, directory: directory)
        } catch {
            directory.remove()
            throw error
        }
    }

    private static func substitute(
        _ path: String, _ problem: JournalError, for purpose: Installation.Purpose, in directory: String
    ) throws -> Journal {
        if case .unusable = problem.kind, let copy = try Journal(copying: path, into: directory) { return copy }
        guard purpose == .checking else { throw problem }
        return try Journal(path: directory + "/empty.sqlite")
    }
}
