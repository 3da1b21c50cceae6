import ArgumentParser
import Controller
import Journal
import JournalPostgreSQL
import JournalSQLite
import ReleaseMachine

struct JournalCheckCommand: Verb {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Show what is in the journal and whether it is sound.",
        discussion: """
            Reads all of it, also while servers run: what the database finds wrong, events that are missing, and how safe a server of \
            PostgreSQL keeps it. Ends with 1 when something is wrong.
            """
    )

    @OptionGroup var output: OutputOptions
    @OptionGroup var local: LocalOptions

    struct Answer: Encodable {
        var journal: String
        var kind: String
        var bytes: Int
        var schema: String
        var apps: Int
        var releases: Int
        var events: Int
        var auditEntries: Int
        /// Releases that were deleted because of their age.
        var deletedReleases: Int
        var newestEvent: String?
        var warnings: [String]
        var problems: [String]
    }

    func validate() throws { try local.refuseServer("journal check", "it uses the journal itself") }

    func perform() async throws -> ExitStatus {
        let answer = try await answer(try local.journalName("check"))
        if output.output == .json {
            printLine(try answer.jsonLine())
        } else {
            printLine("journal \(answer.journal): \(answer.kind), schema \(answer.schema), \(answer.bytes >> 10) KiB")
            printLine(
                "\(answer.releases) releases of \(answer.apps) apps, \(answer.events) events, newest: \(answer.newestEvent ?? "none")"
            )
            printLine("\(answer.auditEntries) entries in the audit log")
            if answer.deletedReleases > 0 {
                printLine("\(answer.deletedReleases) older releases were deleted, as keep says or by journal prune")
            }
            for warning in answer.warnings { printLine("warning  \(warning)") }
            for problem in answer.problems { printLine("wrong    \(problem)") }
            if answer.problems.isEmpty { printLine("nothing is wrong in it") }
        }
        return answer.problems.isEmpty ? .done : .couldNot
    }

    private func answer(_ name: String) async throws -> Answer {
        let isServer = Journal.isPostgreSQL(name)
        // A file is looked at before it is opened for writing.
        let file = isServer ? nil : try SQLiteReport.read(name)
        let report = try await Journal(opening: name).report()
        var answer = Answer(
            journal: file?.path ?? "", kind: "SQLite", bytes: file?.bytes ?? 0, schema: file?.schema ?? "",
            apps: report.apps, releases: report.releases, events: report.events, auditEntries: report.auditEntries,
            deletedReleases: report.deletedReleases,
            newestEvent: report.newestEvent?.iso8601, warnings: [],
            problems: (file?.problems ?? []) + report.problems)
        if isServer {
            let server = try PostgreSQLReport.read(name)
            answer.journal = server.name
            answer.kind = "PostgreSQL \(server.version)"
            answer.bytes = server.bytes
            answer.schema = server.migrations.max() ?? "none"
            answer.warnings = server.remarks.filter(\.isWarning).map { remark in
                remark.what + (remark.fix.map { "; to fix: \($0)" } ?? "")
            }
        }
        return answer
    }
}
