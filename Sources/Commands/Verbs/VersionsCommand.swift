import ArgumentParser
import Controller
import ReleaseMachine

struct VersionsCommand: Verb {
    static let configuration = CommandConfiguration(
        commandName: "versions",
        abstract: "List what was pushed and can be released, the newest first.",
        discussion: """
            The state of a version: live; releasing; queued, for a running release; held, by a lock or a freeze; available; older than \
            what is live or waits; failed, or aborted; rolledBack. Versions are known from hooks and from the registry's list of tags.
            """
    )

    @Argument(help: "The app.", completion: .app) var app: String
    @Option(help: "Maximum number of versions.") var limit: Int = 20
    @OptionGroup var output: OutputOptions
    @OptionGroup var global: GlobalOptions

    func validate() throws {
        guard (1...10_000).contains(limit) else { throw ValidationError("--limit takes a number from 1 to 10000") }
    }

    func perform() async throws -> ExitStatus {
        try await global.withReleaseClient(connecting: false, for: .reading) { client in
            let versions = try await client.versions(of: app, limit: limit)
            if output.output == .json {
                for version in versions { printLine(try version.jsonLine()) }
                return .done
            }
            guard !versions.isEmpty else {
                printLine("no version of \(app) is known yet: hooks and the registry's tags tell of them")
                return .done
            }
            let rows = versions.map { version in
                [
                    version.version, version.state.rawValue, version.digest?.shortDigest ?? "-",
                    version.commit.map { String($0.prefix(7)) } ?? "-", version.pushedAt.minute, version.source,
                ]
            }
            for line in Table(["VERSION", "STATE", "DIGEST", "COMMIT", "PUSHED (UTC)", "FROM"], rows).lines {
                guard printLine(line) else { break }
            }
            return .done
        }
    }
}

extension String {
    /// Of a time in ISO 8601: `2026-11-30 08:00`.
    var minute: String { String(prefix(16)).replacing("T", with: " ") }

    /// Of a digest: twelve digits, as container runtimes show it.
    var shortDigest: String { String((split(separator: ":").last ?? "").prefix(12)) }
}
