import ArgumentParser
import Controller
import Journal
import JournalPostgreSQL
import JournalSQLite

struct JournalBackupCommand: Verb {
    static let configuration = CommandConfiguration(
        commandName: "backup",
        abstract: "Copy the journal into a file, also while servers run.",
        discussion: """
            The file is a SQLite journal with mode 0600: the audit log and the hashes of tokens are in it. It has its name only once it is \
            complete, checked and on disk. A journal in PostgreSQL is copied row by row, which needs a moment in which nothing is recorded; \
            pg_dump and the snapshots of your platform need none.
            """
    )

    @Argument(help: "The file to create.", completion: .file()) var file: String
    @Flag(help: "Replace the file if there is one.") var force = false
    @OptionGroup var local: LocalOptions

    func validate() throws { try refuseURI(file) }

    func perform() async throws -> ExitStatus {
        let name = try local.journalName("backup")
        let path = absolutePath(file)
        do {
            try await backUp(name, to: path)
        } catch let error as JournalFileError where error.kind == .exists {
            throw Refusal("\(path) is there already: name a file that is not there yet, or replace it with --force")
        }
        return .done
    }

    private func backUp(_ name: String, to path: String) async throws {
        if Journal.isPostgreSQL(name) {
            let journal = try Journal(opening: name)
            let copied = try await JournalFile.create(path, replacing: force) { try await journal.copy(to: $0) }
            printLine("\(path): \(copied.events) events of \(journal.name)")
        } else {
            try await JournalFile.backUp(name, to: path, replacing: force)
            printLine("\(path): a copy of \(name)")
        }
    }

    var interruptionMessage: [String] { ["viridian: no backup was made"] }
}
