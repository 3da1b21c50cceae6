import ArgumentParser
import Controller
import ReleaseMachine

struct ReleasesCommand: Verb {
    static let configuration = CommandConfiguration(
        commandName: "releases",
        abstract: "List the releases of an app, newest first."
    )

    @Argument(help: "The app.", completion: .app) var app: String
    @Option(help: "Maximum number of releases.") var limit: Int = 20
    @OptionGroup var output: OutputOptions
    @OptionGroup var global: GlobalOptions

    func validate() throws {
        guard (1...10_000).contains(limit) else { throw ValidationError("--limit takes a number from 1 to 10000") }
    }

    func perform() async throws -> ExitStatus {
        try await global.withReleaseClient(connecting: false, for: .reading) { client in
            let history = try await client.history(of: app, limit: limit)
            if output.output == .json {
                for release in history { printLine(try release.jsonLine()) }
            } else if history.isEmpty {
                printLine("\(app) has no release yet")
            } else {
                let rows = history.map { release in
                    [
                        "\(release.app)/\(release.number)", release.kind.rawValue, release.version,
                        release.color?.rawValue ?? "-",
                        release.state.rawValue, release.createdAt, release.took(until: SystemClock().now)?.short ?? "-",
                        release.requestedBy, release.why,
                    ]
                }
                for line in Table(
                    ["RELEASE", "KIND", "VERSION", "COLOUR", "STATE", "STARTED", "TOOK", "BY", "WHY"], rows
                ).lines {
                    printLine(line)
                }
            }
            return .done
        }
    }
}

extension ReleaseView {
    /// The reason given for the release, and why it was aborted or failed.
    fileprivate var why: String {
        let ended = aborted.map { "aborted by \($0.by)" + ($0.reason.map { ": \($0)" } ?? "") } ?? failure?.message
        return [reason, ended].compactMap { $0 }.joined(separator: "; ")
    }

    /// The time from its start to its end, or to `now` if it has not ended.
    fileprivate func took(until now: Timestamp) -> Duration? {
        guard let start = Timestamp(iso8601: createdAt) else { return nil }
        return (endedAt.flatMap { Timestamp(iso8601: $0) } ?? now) - start
    }
}
