import ArgumentParser
import Foundation
import Journal
import JournalSQLite
import ViridianConfiguration

struct JournalCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "journal",
        abstract: "Check, back up, restore, export, shorten and move the journal, and go on after a loss.",
        discussion: """
            The journal is the one of the configuration, a SQLite file or a database in PostgreSQL. check, backup, export and prune work \
            while servers run; restore and copy need them stopped.
            """,
        subcommands: [
            JournalCheckCommand.self, JournalBackupCommand.self, JournalRestoreCommand.self, JournalExportCommand.self,
            JournalPruneCommand.self, JournalCopyCommand.self, JournalAcceptCommand.self,
        ]
    )
}

extension LocalOptions {
    /// The journal that viridian.yaml names: a path or a URI.
    func journalName(_ verb: String) throws -> String {
        try refuseServer("journal \(verb)", "it uses the journal itself")
        return try Configuration.load(file: ConfigurationFile.locate(explicit: config)).journal
    }
}

/// A file that a person named: relative to the current directory.
func absolutePath(_ path: String) -> String {
    URL(fileURLWithPath: path, relativeTo: URL(fileURLWithPath: FileManager.default.currentDirectoryPath))
        .standardizedFileURL.path
}

/// Of what has to be a file. A URI may have a password, which is not repeated.
func refuseURI(_ path: String) throws {
    guard JournalName.isURI(path) else { return }
    throw ValidationError(
        "expected a path, found a URI: a backup is a file; viridian journal copy copies into a database, whose URI begins with postgresql://"
    )
}

extension Journal {
    /// The servers that use it, in words; `nil`: none.
    func runningServers() async throws -> String? {
        let running = try await servers().filter { !$0.isGone }
        guard !running.isEmpty else { return nil }
        return running.map { "\($0.host) (process \($0.process))" }.joined(separator: ", ")
    }
}
