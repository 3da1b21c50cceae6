import ArgumentParser
import Controller
import Foundation
import ReleaseMachine
import ViridianConfiguration

struct DeployCommand: Verb {
    enum Wait: String, ExpressibleByArgument, CaseIterable, Sendable {
        case live
        case paused
        case none
    }

    static let configuration = CommandConfiguration(
        commandName: "deploy",
        abstract: "Release a version of an app and follow it until it is live.",
        discussion: """
            Ctrl-C leaves the release as it is, safe and resumable: the same command goes on with it.

            Exit status: 0 the version is live; 1 could not; 2 the release failed and traffic is where it was; 3 paused for \
            verification (with --wait paused); 4 aborted; 5 ended, but a node needs repair; 75 another release is running.
            """
    )

    @Argument(help: "The app.") var app: String
    @Option(help: "The version: the image's tag.") var version: String
    @Option(help: "A whole image reference instead of the app's image at that version.") var image: String?
    @Option(help: "Replicas; otherwise as many as the live colour has.") var replicas: Int?
    @Flag(inversion: .prefixedNo, help: "Pause before the switch until somebody promotes.") var verify: Bool?
    @Option(
        help: ArgumentHelp(
            "When the newest change in it was committed, for the lead time in the statistics.",
            discussion: "Such as 2015-10-25T14:34:03Z: git log -1 --format=%cI", valueName: "time"))
    var commitTime: String?
    @Option(help: "Until when to wait: live, paused, none.") var wait: Wait = .live
    @Option(help: "Why, for the record.") var reason: String?
    @OptionGroup var output: OutputOptions
    @OptionGroup var global: GlobalOptions

    func perform() async throws -> ExitStatus {
        let request = AppReleases.Request(
            version: try Version(version),
            image: try image.map { try ImageReference($0) },
            replicas: try replicas.map { try Replicas.validate($0) },
            verify: verify,
            reason: try reason.map { try Reason($0).text },
            commitTime: try commitTime.map { text in
                guard let time = Timestamp(iso8601: text) else {
                    throw Refusal("--commit-time takes a time such as 2015-10-25T14:34:03Z, not \(text.safe)")
                }
                return time
            },
            by: caller()
        )
        if wait == .none { return try await handOver(request) }
        return try await global.atDesk(reachingOut: true) { desk in
            try await Follower(output: output.output).run { observe in
                try await desk.deploy(app, request, until: wait == .paused ? .whenPaused : .whenEnded, observe: observe)
            }
        }
    }

    /// Leaves the release to the server, or to a process of its own, which outlives this one.
    private func handOver(_ request: AppReleases.Request) async throws -> ExitStatus {
        if global.isRemote {
            return try await global.atDesk(reachingOut: false) { desk in
                guard let begun = try await (desk as? RemoteDesk)?.begin(app, request) else { return .couldNot }
                say("\(app)/\(begun.number) runs on the server: viridian show \(app)/\(begun.number)")
                return .done
            }
        }
        let newest = try await latest()
        let log = NSTemporaryDirectory() + "viridian-\(app.safe.filter { $0 != "/" })-\(getpid()).log"
        defer { try? FileManager.default.removeItem(atPath: log) }
        try await OwnProgram.startDetached(ownArguments, log: log)
        let deadline = ContinuousClock.now + .seconds(10)
        // It has begun when it is in the journal; what keeps it from beginning is in its log.
        while ContinuousClock.now < deadline {
            if let begun = try await latest(),
                begun.sequence != newest?.sequence || begun.order.number != newest?.order.number
            {
                let name = begun.order.name
                say("\(name) runs in the background: viridian show \(name), viridian logs \(name) --follow")
                return .done
            }
            let words = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
            if words.hasPrefix("viridian: ") {
                complain(words.split(separator: "\n").joined(separator: "\n"))
                return words.contains(" is running") || words.contains("has not ended") ? .busy : .couldNot
            }
            try await Task.sleep(for: .milliseconds(50))
        }
        throw Refusal("the release has not begun within 10 s: run it with --wait live to see why")
    }

    private func latest() async throws -> Release? {
        try await Installation.open(global, reachingOut: false) { try $0.releases(app).latest() }
    }

    private var ownArguments: [String] {
        var arguments = ["deploy", app, "--version", version]
        if let image { arguments += ["--image", image] }
        if let replicas { arguments += ["--replicas", "\(replicas)"] }
        if let verify { arguments.append(verify ? "--verify" : "--no-verify") }
        if let reason { arguments += ["--reason", reason] }
        if let commitTime { arguments += ["--commit-time", commitTime] }
        if let config = global.config { arguments += ["--config", config] }
        return arguments
    }

    var wordsWhenInterrupted: [String] {
        if global.isRemote {
            return ["viridian: no longer watching; the release goes on at the server: viridian logs -f"]
        }
        return [
            "viridian: stopped; the release is left as it is, and goes on with: viridian deploy \(app) --version \(version)"
        ]
    }
}
