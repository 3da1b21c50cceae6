import ArgumentParser
import Controller
import Foundation
import Processes
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
            verification (with --wait paused); 4 aborted; 5 ended, but a node needs repair; 75 another release is running; \
            130 stopped by Ctrl-C.
            """
    )

    @Argument(help: "The app.", completion: .app) var app: String
    @Option(help: "The version: the image's tag.") var version: String
    @Option(help: "A whole image reference instead of the app's image at that version.") var image: String?
    @Option(help: "Replicas; otherwise as many as the live colour has.") var replicas: Int?
    @Flag(inversion: .prefixedNo, help: "Pause before the switch until somebody promotes.") var verify: Bool?
    @Option(
        help: ArgumentHelp(
            "When the newest change in it was committed, for the lead time in the statistics.",
            discussion: "Such as 2015-10-25T14:34:03Z: git log -1 --format=%cI", valueName: "time"))
    var commitTime: String?
    @Flag(help: "Delete pods that belong to nobody and would answer as the candidate's, instead of stopping there.")
    var removeStrays = false
    @Flag(
        help:
            "Only say what a release would find and do now. Exit status: 0; 1 something is in the way; 75 a release is running."
    )
    var dryRun = false
    @Option(help: "Until when to wait: live, paused, none.") var wait: Wait = .live
    @Option(help: "Why, for the record.") var reason: String?
    @OptionGroup var output: OutputOptions
    @OptionGroup var global: GlobalOptions
    /// Where a process in the background says that it has begun.
    @Option(help: .hidden) var handover: String?

    func perform() async throws -> ExitStatus {
        let request = AppReleases.Request(
            version: try Version(version),
            image: try image.map { try ImageReference($0) },
            replicas: try replicas.map { try Replicas.validate($0) },
            verify: verify,
            reason: try reason.map { try Reason($0).text },
            commitTime: try commitTime.map { text in
                guard let time = Timestamp(iso8601: text) else {
                    throw Refusal("--commit-time takes a time such as 2015-10-25T14:34:03Z, not \(text)")
                }
                return time
            },
            removeStrays: removeStrays ? true : nil,
            by: caller()
        )
        if dryRun { return try await plan(request) }
        if let handover { return try await runInBackground(request, Handover(in: handover)) }
        if version == "latest", image == nil {
            complain(
                "viridian: warning: latest names no version: what it is may change between two pods, and rollback cannot go back to it"
            )
        }
        if wait == .none {
            let begun: ReleaseView
            if let remote = try await global.atServer({ try await $0.begin(app, request) }) {
                begun = remote
            } else {
                begun = try await handOver()
            }
            let name = "\(app)/\(begun.number)"
            let place = global.isRemote ? "on the server" : "in the background"
            say(
                output.output == .json
                    ? try begun.jsonLine()
                    : "\(name) runs \(place): viridian show \(name), viridian logs \(name) --follow")
            return .done
        }
        return try await global.atDesk(reachingOut: true) { desk in
            try await Follower(output: output.output).run { observe in
                try await desk.deploy(app, request, until: wait == .paused ? .whenPaused : .whenEnded, observe: observe)
            }
        }
    }

    private func plan(_ request: AppReleases.Request) async throws -> ExitStatus {
        try await global.atDesk(reachingOut: true, for: .looking) { desk in
            let image = try request.image ?? desk.image(of: app, request.version)
            let plan = DeployPlan(request, image: image.map { "\($0)" }, try await desk.view(of: app))
            if output.output == .json {
                say(try plan.jsonLine())
            } else {
                for line in plan.lines { say(line) }
            }
            return plan.isBusy ? .busy : plan.obstacles.isEmpty ? .done : .couldNot
        }
    }

    // MARK: - In the background

    /// Leaves the release to a process of its own, which outlives this one.
    /// - Returns: the release when it has begun.
    private func handOver() async throws -> ReleaseView {
        let directory = try PrivateDirectory(prefix: "viridian-deploy-")
        defer { directory.remove() }
        try directory.write("", to: "log")
        let log = directory.path + "/log"
        try await OwnProgram.startDetached(words + ["--handover=\(directory.path)"], log: log)
        let handover = Handover(in: directory.path)
        // A lease of a process on another machine that died has to run out first, which takes 15 s.
        let deadline = ContinuousClock.now + .seconds(30)
        while ContinuousClock.now < deadline {
            switch handover.word {
            case .begun(let release): return release
            case .refused(let complaint):
                for line in complaint.lines { complain(line) }
                throw ExitCode(complaint.status.rawValue)
            case nil: try await Task.sleep(for: .milliseconds(20))
            }
        }
        let said = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
        throw Refusal(
            "the release has not begun within 30 s, and may yet: viridian status \(app) tells; with --wait live the reason is seen",
            details: said.split(separator: "\n").suffix(5).map(String.init))
    }

    /// In that process: nobody reads what it prints.
    private func runInBackground(_ request: AppReleases.Request, _ handover: Handover) async throws -> ExitStatus {
        let beginning = Beginning(handover)
        do {
            return try await global.atDesk(reachingOut: true) { desk in
                let release = try await desk.deploy(app, request, until: .whenEnded) { _, release in
                    await beginning.say(ReleaseView(release))
                }
                return Outcome(release).exitStatus
            }
        } catch {
            try? handover.say(.refused(Complaint(error)))
            throw error
        }
    }

    /// The same command again.
    private var words: [String] {
        // With `=`, so that a value that begins with a dash is one.
        var words = ["deploy", app, "--version=\(version)"]
        if let image { words.append("--image=\(image)") }
        if let replicas { words.append("--replicas=\(replicas)") }
        if let verify { words.append(verify ? "--verify" : "--no-verify") }
        if let reason { words.append("--reason=\(reason)") }
        if let commitTime { words.append("--commit-time=\(commitTime)") }
        if removeStrays { words.append("--remove-strays") }
        if let config = global.config { words.append("--config=\(config)") }
        return words
    }

    var wordsWhenInterrupted: [String] {
        if global.isRemote {
            return [
                "viridian: no longer watching; the release goes on at the server: viridian status \(app)"
            ]
        }
        var again = "viridian deploy \(app) --version \(version)"
        if let image { again += " --image \(image)" }
        if let replicas { again += " --replicas \(replicas)" }
        if let config = global.config { again += " --config \(config)" }
        return ["viridian: stopped; the release is left as it is, and goes on with: \(again)"]
    }
}
