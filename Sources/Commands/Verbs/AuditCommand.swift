import ArgumentParser
import Controller
import Server

struct AuditCommand: Verb {
    static let configuration = CommandConfiguration(
        commandName: "audit",
        abstract: "Show who did what, when, from where and why, newest first."
    )

    @Argument(help: "The app. Default: all.", completion: .app) var app: String?
    @Option(help: "Maximum number of entries.") var limit: Int = 50
    @Option(help: "Only entries before the one with this number.") var before: Int?
    @OptionGroup var output: OutputOptions
    @OptionGroup var global: GlobalOptions

    func validate() throws {
        guard (1...10_000).contains(limit) else { throw ValidationError("--limit takes a number from 1 to 10000") }
        if let before, before < 1 { throw ValidationError("--before takes the number of an entry") }
    }

    func perform() async throws -> ExitStatus {
        try await global.withReleaseClient(connecting: false, for: .reading) { client in
            let entries = try await client.audit(of: app, limit: limit, before: before)
            if output.output == .json {
                for entry in entries { printLine(try entry.jsonLine()) }
                return .done
            }
            guard !entries.isEmpty else {
                printLine("the audit log is empty")
                return .done
            }
            let rows = entries.map { entry in
                let what = entry.app.map { app in entry.release.map { "\(app)/\($0)" } ?? app } ?? ""
                let outcome = entry.outcome == "done" ? "" : entry.outcome
                return [
                    entry.at, entry.who, entry.action, what, outcome, entry.origin,
                    [entry.reason, entry.detail].compactMap { $0 }.joined(separator: "; "),
                ]
            }
            for line in Table(["WHEN", "WHO", "ACTION", "TARGET", "OUTCOME", "FROM", "WHY"], rows).lines {
                printLine(line)
            }
            return .done
        }
    }
}
