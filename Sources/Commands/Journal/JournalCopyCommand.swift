import ArgumentParser
import Controller
import Journal
import JournalPostgreSQL
import JournalSQLite
import ViridianConfiguration

struct JournalCopyCommand: Verb {
    static let configuration = CommandConfiguration(
        commandName: "copy",
        abstract: "Copy the journal into another database, to use that from then on.",
        discussion: """
            From SQLite to PostgreSQL or back, or to another server: everything, with all numbers, compared at the end. Stop all servers first; \
            if something is recorded meanwhile, the copy is refused. A copy that is not finished leaves no file, and a PostgreSQL database that \
            no server opens.
            """
    )

    @Argument(help: "A file that is not there yet, or postgresql://… of a database that is empty.", completion: .file())
    var to: String
    @OptionGroup var local: LocalOptions

    func validate() throws {
        guard JournalName.isURI(to), !Journal.isPostgreSQL(to) else { return }
        throw ValidationError("expected \(JournalName.expected)")
    }

    func perform() async throws -> ExitStatus {
        let source = try local.journalName("copy")
        let journal = try Journal(opening: source)
        if let servers = try await journal.runningServers() {
            throw Refusal("a server uses journal \(journal.name): \(servers): stop it, then copy")
        }
        let copied: CopiedJournal
        let name: String
        if Journal.isPostgreSQL(to) {
            let target = try Journal(opening: to)
            copied = try await journal.copy(to: target)
            name = target.name
        } else {
            name = absolutePath(to)
            if !Journal.isPostgreSQL(source) { try JournalFile.checkTarget(name, of: source) }
            copied = try await JournalFile.create(name) { try await journal.copy(to: $0) }
        }
        printLine("\(name): \(copied.events) events of \(journal.name), and all else, compared")
        let value = Journal.isPostgreSQL(to) ? "the URI that you gave" : name
        printLine("to use it, set journal in viridian.yaml to \(value), then start the servers")
        return .done
    }

    var interruptionMessage: [String] { ["viridian: the copy is not finished; the journal is as it was"] }
}
