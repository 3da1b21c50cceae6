import ArgumentParser
import Controller
import Foundation
import Journal
import JournalPostgreSQL
import JournalSQLite
import Processes

struct JournalRestoreCommand: Verb {
    static let configuration = CommandConfiguration(
        commandName: "restore",
        abstract: "Put a backup in the journal's place.",
        discussion: """
            Servers have to be stopped. The journal has to be empty, or not there; with --force, a SQLite journal is kept beside the restored \
            one. What is live is read from the cluster and the nodes; releases since the backup are missing from the history, and numbers go \
            on above the highest one that the cluster knows. An app that was released since the backup has to be freed with journal accept.
            """
    )

    @Argument(help: "The backup.", completion: .file()) var file: String
    @Flag(help: "Also when the journal is not empty; the old file is kept.") var force = false
    @OptionGroup var local: LocalOptions

    func validate() throws { try refuseURI(file) }

    func perform() async throws -> ExitStatus {
        let name = try local.journalName("restore")
        let path = absolutePath(file)
        if Journal.isPostgreSQL(name) {
            try await restore(path, into: try Journal(opening: name))
        } else {
            // Of a journal that cannot be opened, the lock beside it tells whether a server runs.
            if FileManager.default.fileExists(atPath: name), let journal = try? Journal(opening: name) {
                try await refuseRunningServers(journal)
            }
            let time = ISO8601DateFormatter.string(
                from: Date(), timeZone: .gmt,
                formatOptions: [.withYear, .withMonth, .withDay, .withTime, .withTimeZone])
            let old = try await JournalFile.restore(
                path, to: name, keeping: force ? ".before-restore-\(time)" : nil)
            printLine("\(name) is restored from \(path)")
            if let old { printLine("what was there is kept as \(old)") }
        }
        printLine(
            """
            releases since the backup are missing from the history; an app that was released since, as its Lease tells, is not released \
            again until somebody accepts that: viridian journal accept APP --reason R
            """)
        printLine("revoke again what was revoked since the backup: viridian token list")
        return .done
    }

    private func restore(_ path: String, into journal: Journal) async throws {
        try await refuseRunningServers(journal)
        guard try await journal.isEmpty() else {
            throw Refusal(
                "journal \(journal.name) is not empty: restore into a new database, or with the means of your platform")
        }
        // A copy: opening the backup itself would change it.
        let directory = try PrivateDirectory(
            prefix: "viridian-restore-", in: FileManager.default.temporaryDirectory.path)
        defer { directory.remove() }
        let copy = directory.path + "/backup.sqlite"
        try await JournalFile.copyBackup(path, to: copy)
        let copied = try await Journal(path: copy).copy(to: journal)
        printLine("\(journal.name) is restored from \(path): \(copied.events) events")
    }

    private func refuseRunningServers(_ journal: Journal) async throws {
        guard let servers = try await journal.runningServers() else { return }
        throw Refusal("a server uses journal \(journal.name): \(servers): stop it, then restore")
    }

    var interruptionMessage: [String] { ["viridian: nothing was restored"] }
}
