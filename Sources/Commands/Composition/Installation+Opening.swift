import Controller
import Fleet
import Foundation
import Journal
import Kubernetes
import Processes
import ViridianConfiguration

extension Installation {
    /// What a verb opens an installation for, and so what it can go without.
    enum Purpose: Sendable {
        /// It writes, so that everything has to be there.
        case acting
        /// It only looks: a journal that cannot be written, and a cluster that is not configured rightly, hide nothing else.
        case looking
        /// It tells what is wrong: a journal that cannot be used at all hides nothing else either.
        case checking
    }

    /// Opens what a verb needs, and closes it after. `config` is the file that was named, if any; with `reachingOut` cluster and nodes
    /// can be asked too.
    static func open<T>(
        config: String?,
        reachingOut: Bool,
        for purpose: Purpose = .acting,
        _ body: (Installation) async throws -> T
    ) async throws -> T {
        let path = try ConfigurationFile.locate(explicit: config)
        let configuration = try Configuration.load(file: path)
        let journal = try OpenedJournal.open(configuration.journal, for: purpose)
        do {
            let value = try await reach(configuration, journal, reachingOut ? purpose : nil, body)
            journal.directory?.remove()
            return value
        } catch {
            journal.directory?.remove()
            throw error
        }
    }

    /// With cluster and nodes, where there is a purpose to reach for.
    private static func reach<T>(
        _ configuration: Configuration,
        _ opened: OpenedJournal,
        _ purpose: Purpose?,
        _ body: (Installation) async throws -> T
    ) async throws -> T {
        let alone = Installation(
            configuration: configuration, journal: opened.journal, cluster: nil, fleet: nil,
            journalTrouble: opened.trouble)
        guard let purpose else { return try await body(alone) }
        let found = try client(configuration.kubernetes, for: purpose)
        let client = found.client
        do {
            let value = try await configuration.nodes.withTransport { transport in
                let installation = Installation(
                    configuration: configuration, journal: opened.journal, cluster: client,
                    fleet: try Installation.fleet(configuration.nodes, in: client, transport),
                    journalTrouble: opened.trouble, clusterTrouble: found.trouble)
                return try await body(installation)
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
    ) throws -> (client: KubernetesClient?, trouble: String?) {
        do {
            let access = try ClusterAccess.discover(kubeconfig: settings.kubeconfig, context: settings.context)
            return (KubernetesClient(access), nil)
        } catch {
            guard purpose != .acting else { throw error }
            return (nil, "\(error)")
        }
    }
}

/// The journal as a verb gets it: the one that is configured, or a copy of it where that cannot be opened and the verb only looks.
private struct OpenedJournal {
    var journal: Journal
    var trouble: String?
    /// Where the copy is.
    var directory: PrivateDirectory?

    static func open(_ path: String, for purpose: Installation.Purpose) throws -> OpenedJournal {
        do {
            return OpenedJournal(journal: try Journal(path: path))
        } catch {
            guard purpose != .acting else { throw error }
            return try inMemory(path, error, for: purpose)
        }
    }

    private static func inMemory(
        _ path: String, _ trouble: JournalError, for purpose: Installation.Purpose
    ) throws -> OpenedJournal {
        // Where there is such a place: the disk may be full.
        let memory = "/dev/shm"
        let parent = access(memory, W_OK) == 0 ? memory : FileManager.default.temporaryDirectory.path
        let directory = try PrivateDirectory(prefix: "viridian-journal-", in: parent)
        do {
            let journal = try substitute(path, trouble, for: purpose, in: directory.path)
            return OpenedJournal(journal: journal, trouble: trouble.description, directory: directory)
        } catch {
            directory.remove()
            throw error
        }
    }

    private static func substitute(
        _ path: String, _ trouble: JournalError, for purpose: Installation.Purpose, in directory: String
    ) throws -> Journal {
        if case .unusable = trouble.kind, let copy = try Journal(copying: path, into: directory) { return copy }
        guard purpose == .checking else { throw trouble }
        return try Journal(path: directory + "/empty.sqlite")
    }
}
