import ArgumentParser
import Controller
import Foundation
import Journal
import ReleaseMachine

struct JournalExportCommand: Verb {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Print events and the audit log as lines of JSON, also while servers run.",
        discussion: """
            First the events by app, release and sequence: type (event), app, release, sequence, at, event. Then the audit log by id: type \
            (audit), id, at, who, action, origin, outcome, and where there are any token (its id), app, release, reason, detail. Tokens' hashes \
            and sessions are not printed.
            """
    )

    @Option(help: "Only this app.", completion: .app) var app: String?
    @Option(
        help: ArgumentHelp(
            "Only what happened from then on: a time such as 2026-11-01T00:00:00Z, or so long ago, such as 90d or 12h.",
            valueName: "time")
    ) var since: String?
    @OptionGroup var local: LocalOptions

    func perform() async throws -> ExitStatus {
        let start = try since.map { try Self.start($0) }
        let journal = try Journal(opening: try local.journalName("export"))
        do {
            try await journal.export(app: app, since: start) { lines in
                guard printText(lines.map { $0 + "\n" }.joined()) else { throw ReaderGone() }
            }
        } catch is ReaderGone {
            // Whoever reads has enough: `viridian journal export | head`.
            return .done
        }
        return .done
    }

    private struct ReaderGone: Error {}

    static func start(_ text: String, now: Date = Date()) throws -> Timestamp {
        if let time = Timestamp(iso8601: text) { return time }
        do {
            let length = try TokenLife(text).length
            return Timestamp(milliseconds: Int64(now.timeIntervalSince1970 * 1000) - length.milliseconds)
        } catch {
            throw Refusal("--since takes a time such as 2026-11-01T00:00:00Z, or 90d or 12h, not \(text.safe)")
        }
    }
}
