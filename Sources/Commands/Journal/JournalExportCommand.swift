import ArgumentParser
import Controller
import Foundation
import Journal
import ReleaseMachine
import ViridianConfiguration

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

    func validate() throws {
        try local.refuseServer("journal export", "it uses the journal itself")
        _ = try since.map { try Self.start($0) }
    }

    func perform() async throws -> ExitStatus {
        let start = try since.map { try Self.start($0) }
        let configuration = try Configuration.load(file: ConfigurationFile.locate(explicit: local.config))
        let journal = try Journal(opening: configuration.journal)
        var isEmpty = true
        do {
            try await journal.export(app: app, since: start) { lines in
                isEmpty = isEmpty && lines.isEmpty
                guard printText(lines.map { $0 + "\n" }.joined()) else { throw ReaderGone() }
            }
        } catch is ReaderGone {
            // Whoever reads has enough: `viridian journal export | head`.
            return .done
        }
        if isEmpty, let app { try await expectKnown(app, journal, configuration) }
        return .done
    }

    /// An app of which there is nothing from a time on is one; a name that nothing has is a mistake.
    private func expectKnown(_ app: String, _ journal: Journal, _ configuration: Configuration) async throws {
        guard !configuration.apps.contains(where: { $0.name.text == app }),
            try await journal.numbers(app: app, limit: 1).isEmpty,
            try await journal.audit(limit: 1, apps: [app]).isEmpty
        else { return }
        let known = try await journal.apps(withEventsSince: Timestamp(milliseconds: 0))
        throw Refusal(
            "there is no app \(app.safe) in the journal: "
                + (known.isEmpty ? "no app has a release in it" : "it has releases of \(known.joined(separator: ", "))")
        )
    }

    private struct ReaderGone: Error {}

    static func start(_ text: String, now: Date = Date()) throws -> Timestamp {
        if let time = Timestamp(iso8601: text) { return time }
        do {
            let length = try TokenLife(text).length
            return Timestamp(milliseconds: Int64(now.timeIntervalSince1970 * 1000) - length.milliseconds)
        } catch {
            throw ValidationError("--since takes a time such as 2026-11-01T00:00:00Z, or 90d or 12h, not \(text.safe)")
        }
    }
}
