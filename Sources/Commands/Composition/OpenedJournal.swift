import Foundation
import Journal
import JournalPostgreSQL
import JournalSQLite
import Processes

extension Journal {
    /// Opens the journal that `viridian.yaml` names: a database of a PostgreSQL server, or a SQLite file.
    init(opening name: String) throws(JournalError) {
        if Journal.isPostgreSQL(name) { try self.init(postgreSQL: name) } else { try self.init(path: name) }
    }
}

/// The journal that a verb gets: the configured one, or a copy of it if that cannot be opened and the verb only reads.
struct OpenedJournal {
    var journal: Journal
    var problem: JournalError?
    /// The directory of the copy.
    var directory: PrivateDirectory?

    static func open(_ path: String, for purpose: Installation.Purpose) throws -> OpenedJournal {
        do {
            return OpenedJournal(journal: try Journal(opening: path))
        } catch {
            guard purpose != .writing, purpose == .checking || !Journal.isPostgreSQL(path) else { throw error }
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
            return OpenedJournal(journal: journal, problem: problem, directory: directory)
        } catch {
            directory.remove()
            throw error
        }
    }

    private static func substitute(
        _ path: String, _ problem: JournalError, for purpose: Installation.Purpose, in directory: String
    ) throws -> Journal {
        if case .unusable = problem.kind, !Journal.isPostgreSQL(path),
            let copy = try Journal(copying: path, into: directory)
        {
            return copy
        }
        guard purpose == .checking else { throw problem }
        return try Journal(path: directory + "/empty.sqlite")
    }
}
