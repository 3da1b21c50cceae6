import ArgumentParser
import Controller
import ReleaseMachine

struct ReleasesCommand: Verb {
    static let configuration = CommandConfiguration(
        commandName: "releases",
        abstract: "The releases of an app, newest first."
    )

    @Argument(help: "The app.", completion: .app) var app: String
    @Option(help: "How many at most.") var limit: Int = 20
    @OptionGroup var output: OutputOptions
    @OptionGroup var global: GlobalOptions

    func validate() throws {
        guard (1...10_000).contains(limit) else { throw ValidationError("--limit takes a number from 1 to 10000") }
    }

    func perform() async throws -> ExitStatus {
        try await global.atDesk(reachingOut: false, for: .looking) { desk in
            let history = try await desk.history(of: app, limit: limit)
            if output.output == .json {
                for release in history { say(try release.jsonLine()) }
            } else if history.isEmpty {
                say("\(app) has no release yet")
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
                    say(line)
                }
            }
            return .done
        }
    }
}

extension ReleaseView {
    /// Why it was started, and why it ended as it did.
    fileprivate var why: String {
        let ended = aborted.map { "aborted by \($0.by)" + ($0.reason.map { ": \($0)" } ?? "") } ?? failure?.message
        return [reason, ended].compactMap { $0 }.joined(separator: "; ")
    }

    /// From its beginning to its end, or to `now` while it has not ended.
    fileprivate func took(until now: Timestamp) -> Duration? {
        guard let start = Timestamp(iso8601: createdAt) else { return nil }
        return (endedAt.flatMap { Timestamp(iso8601: $0) } ?? now) - start
    }
}

/// `blog/42`, or `blog` for the app's newest release.
struct ReleaseName: ExpressibleByArgument, Sendable {
    var app: String
    var number: Int?

    init?(argument: String) {
        let parts = argument.split(separator: "/", omittingEmptySubsequences: false)
        guard (1...2).contains(parts.count), !parts[0].isEmpty else { return nil }
        app = String(parts[0])
        guard parts.count == 2 else { return }
        guard let number = Int(parts[1]), number > 0 else { return nil }
        self.number = number
    }

    func number(at desk: any Desk) async throws -> Int {
        if let number { return number }
        guard let newest = try await desk.history(of: app, limit: 1).first else {
            throw Refusal("\(app) has no release yet: `viridian deploy \(app) --version V` starts the first")
        }
        return newest.number
    }
}

struct ShowCommand: Verb {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "One release: phases, pods, nodes, cause.")

    @Argument(help: "The release, such as blog/42; blog is its newest one.", completion: .app) var release: ReleaseName
    @OptionGroup var output: OutputOptions
    @OptionGroup var global: GlobalOptions

    func perform() async throws -> ExitStatus {
        try await global.atDesk(reachingOut: false, for: .looking) { desk in
            let release = try await desk.release(self.release.app, try await self.release.number(at: desk))
            if output.output == .json {
                say(try ReleaseView(release).jsonLine())
                return .done
            }
            let order = release.order
            var terminal = Terminal.current()
            if !terminal.isInteractive { terminal.width = 200 }
            for line in LiveBlock(release: release, now: SystemClock().now, terminal: terminal).lines { say(line) }
            say("")
            for (label, text) in ReleaseFacts(release).rows { say("\(label.padded(14))\(text)") }
            if release.state.hasEnded {
                say(Outcome(release).sentence)
                for line in Outcome(release).mend { say("  \(line)") }
            }
            return .done
        }
    }
}

/// What `show` tells of a release beside its phases.
private struct ReleaseFacts {
    var rows: [(label: String, text: String)] = []

    init(_ release: Release) {
        let order = release.order
        rows.append(("image", order.image))
        rows.append(("requested by", "\(order.requestedBy) at \(release.createdAt.iso8601)"))
        if let reason = order.reason { rows.append(("reason", reason)) }
        if let by = release.promotedBy { rows.append(("promoted by", by)) }
        if case .aborted(let by, let reason) = release.cause {
            rows.append(("aborted by", by + (reason.map { ": \($0)" } ?? "")))
        }
        for node in release.nodes {
            let trouble = node.trouble.map { "  \($0)" } ?? ""
            rows.append(
                ("node", "\(node.address)  \(node.state.rawValue)  \(node.color?.rawValue ?? "-")\(trouble)"))
        }
        for pod in release.pods?.pods ?? [] {
            let state = pod.isReady ? "ready" : pod.reason ?? "not ready"
            let restarts = pod.restarts > 0 ? "  \(counted(pod.restarts, "restart"))" : ""
            rows.append(("pod", "\(pod.name)  \(state)\(restarts)"))
        }
    }
}

struct LogsCommand: Verb {
    static let configuration = CommandConfiguration(
        commandName: "logs", abstract: "What happened in a release, line by line.")

    @Argument(help: "The release, such as blog/42; blog is its newest one.", completion: .app) var release: ReleaseName
    @Flag(name: .shortAndLong, help: "Go on until the release has ended.") var follow = false
    @OptionGroup var output: OutputOptions
    @OptionGroup var global: GlobalOptions

    func perform() async throws -> ExitStatus {
        try await global.atDesk(reachingOut: false, for: .looking) { desk in
            let log = EventLog(format: output.output)
            let goesOn = follow
            let shouldGoOn = { @Sendable in goesOn ? await log.isHeard : false }
            let number = try await release.number(at: desk)
            try await desk.follow(release.app, number, shouldGoOn: shouldGoOn) { recorded, release in
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
