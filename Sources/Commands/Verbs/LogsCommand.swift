import ArgumentParser
import Controller
import ReleaseMachine

struct LogsCommand: Verb {
    static let configuration = CommandConfiguration(
        commandName: "logs", abstract: "Print the events of a release, one line each.")

    @Argument(help: "The release, such as blog/42; blog is the app's newest release.", completion: .app) var release:
        ReleaseName
    @Flag(name: .shortAndLong, help: "Follow the release until it has ended.") var follow = false
    @OptionGroup var output: OutputOptions
    @OptionGroup var global: GlobalOptions

    func perform() async throws -> ExitStatus {
        try await global.withReleaseClient(connecting: false, for: .reading) { client in
            let log = EventLog(format: output.output)
            let isFollowing = follow
            let shouldGoOn = { @Sendable in isFollowing ? await log.hasReader : false }
            let number = try await release.number(at: client)
            try await client.follow(release.app, number, shouldGoOn: shouldGoOn) { recorded, release in
                await log.write(recorded, release)
            }
            return .done
        }
    }
}

/// Prints events as lines of text, or as one JSON object a line.
private actor EventLog {
    private let format: OutputFormat
    private var formatter = EventFormatter()
    /// False when the reader of standard output has gone.
    private(set) var hasReader = true

    init(format: OutputFormat) {
        self.format = format
    }

    func write(_ recorded: RecordedEvent, _ release: Release) {
        let lines = formatter.lines(recorded, release)
        switch format {
        case .text:
            for line in lines { hasReader = printLine("\(recorded.at.iso8601) \(line)") && hasReader }
        case .json:
            let entry = EventView(recorded, text: lines, after: release)
            if let line = try? entry.jsonLine() { hasReader = printLine(line) && hasReader }
        }
    }
}
