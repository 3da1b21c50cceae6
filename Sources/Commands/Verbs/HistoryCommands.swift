import ArgumentParser
import Controller
import ReleaseMachine

struct ReleasesCommand: Verb {
    static let configuration = CommandConfiguration(
        commandName: "releases",
        abstract: "The releases of an app, newest first."
    )

    @Argument(help: "The app.") var app: String
    @Option(help: "How many at most.") var limit: Int = 20
    @OptionGroup var output: OutputOptions
    @OptionGroup var global: GlobalOptions

    func validate() throws {
        guard (1...10_000).contains(limit) else { throw ValidationError("--limit takes a number from 1 to 10000") }
    }

    func perform() async throws -> ExitStatus {
        try await global.atDesk(reachingOut: false) { desk in
            let history = try await desk.history(of: app, limit: limit)
            if output.output == .json {
                for release in history { say(try release.jsonLine()) }
            } else if history.isEmpty {
                say("\(app) has no release yet")
            } else {
                let rows = history.map { release in
                    [
                        "\(release.app)/\(release.number)", release.version, release.color?.rawValue ?? "-",
                        release.state.rawValue, release.createdAt, release.took(until: SystemClock().now)?.short ?? "-",
                        release.requestedBy, release.reason ?? release.failure?.message ?? "",
                    ]
                }
                for line in Table(["RELEASE", "VERSION", "COLOUR", "STATE", "BEGUN", "TOOK", "BY", "WHY"], rows).lines {
                    say(line)
                }
            }
            return .done
        }
    }
}

extension ReleaseView {
    /// From its beginning to its end, or to `now` while it has not ended.
    fileprivate func took(until now: Timestamp) -> Duration? {
        guard let start = Timestamp(iso8601: createdAt) else { return nil }
        return (endedAt.flatMap { Timestamp(iso8601: $0) } ?? now) - start
    }
}

/// `blog/42`
struct ReleaseName: ExpressibleByArgument, Sendable {
    var app: String
    var number: Int

    init?(argument: String) {
        let parts = argument.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let number = Int(parts[1]), number > 0, !parts[0].isEmpty else { return nil }
        app = String(parts[0])
        self.number = number
    }
}

struct ShowCommand: Verb {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "One release: phases, pods, nodes, cause.")

    @Argument(help: "The release, such as blog/42.") var release: ReleaseName
    @OptionGroup var output: OutputOptions
    @OptionGroup var global: GlobalOptions

    func perform() async throws -> ExitStatus {
        try await global.atDesk(reachingOut: false) { desk in
            let release = try await desk.release(self.release.app, self.release.number)
            if output.output == .json {
                say(try ReleaseView(release).jsonLine())
                return .done
            }
            let order = release.order
            var terminal = Terminal.current()
            if !terminal.isInteractive { terminal.width = 200 }
            for line in LiveBlock(release: release, now: SystemClock().now, terminal: terminal).lines { say(line) }
            say("")
            say("image     \(order.image)")
            say("asked by  \(order.requestedBy) at \(release.createdAt.iso8601)")
            if let reason = order.reason { say("reason    \(reason.safe)") }
            if case .aborted(let by, let reason) = release.cause {
                say("aborted   by \(by)\(reason.map { ": \($0)" } ?? "")".safe)
            }
            for node in release.nodes {
                let trouble = node.trouble.map { "  \($0.safe)" } ?? ""
                say("node      \(node.address)  \(node.state.rawValue)  \(node.color?.rawValue ?? "?")\(trouble)")
            }
            for pod in release.pods?.pods ?? [] {
                let state = pod.isReady ? "ready" : pod.reason?.safe ?? "not ready"
                say("pod       \(pod.name)  \(state)\(pod.restarts > 0 ? "  \(pod.restarts) restarts" : "")")
            }
            if release.state.hasEnded {
                say(Outcome(release).sentence.safe)
                for line in Outcome(release).mend { say("  \(line.safe)") }
            }
            return .done
        }
    }
}

struct LogsCommand: Verb {
    static let configuration = CommandConfiguration(
        commandName: "logs", abstract: "What happened in a release, line by line.")

    @Argument(help: "The release, such as blog/42.") var release: ReleaseName
    @Flag(name: .shortAndLong, help: "Go on until the release has ended.") var follow = false
    @OptionGroup var output: OutputOptions
    @OptionGroup var global: GlobalOptions

    func perform() async throws -> ExitStatus {
        try await global.atDesk(reachingOut: false) { desk in
            let log = EventLog(format: output.output)
            let goesOn = follow
            let shouldGoOn = { @Sendable in goesOn ? await log.isHeard : false }
            try await desk.follow(release.app, release.number, shouldGoOn: shouldGoOn) { recorded, release in
                await log.tell(recorded, release)
            }
            return .done
        }
    }
}

/// Events as the lines of a log: told, or one JSON object a line.
private actor EventLog {
    private let format: OutputFormat
    private var narrator = Narrator()
    /// False when whoever read it has gone.
    private(set) var isHeard = true

    init(format: OutputFormat) {
        self.format = format
    }

    func tell(_ recorded: RecordedEvent, _ release: Release) {
        let lines = narrator.lines(recorded, release)
        switch format {
        case .text:
            for line in lines { isHeard = say("\(recorded.at.iso8601) \(line)") && isHeard }
        case .json:
            let entry = EventView(recorded, text: lines, after: release)
            if let line = try? entry.jsonLine() { isHeard = say(line) && isHeard }
        }
    }
}
