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
            Ctrl-C leaves the release safe and resumable: the same command continues it.

            Exit status: 0 the version is live; 1 error; 2 the release failed and traffic is unchanged; 3 paused for verification \
            (with --wait paused); 4 aborted; 5 ended, but a node needs repair; 75 another release is running; 130 stopped by Ctrl-C.
            """
    )

    @Argument(help: "The app.", completion: .app) var app: String
    @Option(help: "The version: the image's tag.") var version: String
    @Option(help: "A full image reference, instead of the app's image with the version as its tag.") var image: String?
    @Option(help: "Number of replicas. Default: as many as the live colour has.") var replicas: Int?
    @Flag(inversion: .prefixedNo, help: "Pause before the switch until the release is promoted.") var verify: Bool?
    @Option(
        help: ArgumentHelp(
            "The commit time of the newest change in the version, for the lead time in the statistics.",
            discussion: "Such as 2015-10-25T14:34:03Z: git log -1 --format=%cI", valueName: "time"))
    var commitTime: String?
    @Flag(help: "Delete pods without an owner that would receive the candidate's requests, instead of stopping.")
    var removeStrays = false
    @Flag(
        name: .customLong("override"),
        help: "Start in spite of locks and freezes. Takes a --reason, and at a server a token with role admin.")
    var overridesHolds = false
    @Flag(
        help:
            "Only print what a release would find and do now. Exit status: 0; 1 a release would be blocked; 75 a release is running."
    )
    var dryRun = false
    @Option(help: "What to wait for: live, paused or none.") var wait: Wait = .live
    @Option(help: "The reason, for the audit log.") var reason: String?
    @OptionGroup var output: OutputOptions
    @OptionGroup var global: GlobalOptions
    /// The directory in which a background process reports that the release has started.
    @Option(help: .hidden) var handover: String?

    func validate() throws {
        if overridesHolds, reason?.allSatisfy(\.isWhitespace) ?? true {
            throw ValidationError("--override takes a --reason: it goes into the audit log")
        }
    }

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
            requester: .person(overridesHolds: overridesHolds),
            by: caller()
        )
        if dryRun { return try await plan(request) }
        if let handover { return try await runInBackground(request, Handover(in: handover)) }
        if wait == .none {
            let started: ReleaseView
            if let remote = try await global.atServer({ try await $0.begin(app, request) }) {
                started = remote
            } else {
                started = try await handOver()
            }
            warnOfMovingTag(started.version, digest: started.digest)
            let name = "\(app)/\(started.number)"
            let place = global.isRemote ? "on the server" : "in the background"
            printLine(
                output.output == .json
                    ? try started.jsonLine()
                    : "\(name) runs \(place): viridian show \(name), viridian logs \(name) --follow")
            return .done
        }
        return try await global.withReleaseClient(connecting: true) { client in
            try await ReleaseFollower(output: output.output).run { observe in
                try await client.deploy(app, request, until: wait == .paused ? .whenPaused : .whenEnded) {
                    recorded, release in
                    if case .requested(let order) = recorded.event {
                        warnOfMovingTag(order.version, digest: order.digest)
                    }
                    await observe(recorded, release)
                }
            }
        }
    }

    private func warnOfMovingTag(_ version: String, digest: String?) {
        guard version == "latest", digest == nil, image == nil else { return }
        printError(
            "viridian: warning: latest is a moving tag, and its digest is not known: two pods may get different images, and rollback cannot return to it"
        )
    }

    private func plan(_ request: AppReleases.Request) async throws -> ExitStatus {
        try await global.withReleaseClient(connecting: true, for: .reading) { client in
            let image =
                if let named = request.image { named } else { try await client.image(of: app, request.version) }
            let plan = DeployPlan(request, image: image.map { "\($0)" }, try await client.view(of: app))
            if output.output == .json {
                printLine(try plan.jsonLine())
            } else {
                for line in plan.lines { printLine(line) }
            }
            return plan.isBusy ? .busy : plan.obstacles.isEmpty ? .done : .couldNot
        }
    }

    // MARK: - Background process

    /// Starts a background process that runs the release and outlives this one.
    /// - Returns: the release, when it has started.
    private func handOver() async throws -> ReleaseView {
        let directory = try PrivateDirectory(prefix: "viridian-deploy-")
        defer { directory.remove() }
        try directory.write("", to: "log")
        let log = directory.path + "/log"
        try await CurrentExecutable.startDetached(arguments + ["--handover=\(directory.path)"], log: log)
        let handover = Handover(in: directory.path)
        // The lease of a process that died on another machine must expire first, which takes 12 s.
        let deadline = ContinuousClock.now + .seconds(30)
        while ContinuousClock.now < deadline {
            switch handover.message {
            case .started(let release): return release
            case .refused(let report):
                for line in report.lines { printError(line) }
                throw ExitCode(report.status.rawValue)
            case nil: try await Task.sleep(for: .milliseconds(20))
            }
        }
        let output = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
        throw Refusal(
            "the release did not start within 30 s and may still start: see viridian status \(app); --wait live shows the reason",
            details: output.split(separator: "\n").suffix(5).map(String.init))
    }

    /// In the background process, whose output nobody reads.
    private func runInBackground(_ request: AppReleases.Request, _ handover: Handover) async throws -> ExitStatus {
        let notice = StartNotice(handover)
        do {
            return try await global.withReleaseClient(connecting: true) { client in
                let release = try await client.deploy(app, request, until: .whenEnded) { _, release in
                    await notice.send(ReleaseView(release))
                }
                return Outcome(release).exitStatus
            }
        } catch {
            try? handover.write(.refused(ErrorReport(error)))
            throw error
        }
    }

    /// The arguments of the same command.
    private var arguments: [String] {
        // With `=`, so that a value may begin with a dash.
        var arguments = ["deploy", app, "--version=\(version)"]
        if let image { arguments.append("--image=\(image)") }
        if let replicas { arguments.append("--replicas=\(replicas)") }
        if let verify { arguments.append(verify ? "--verify" : "--no-verify") }
        if let reason { arguments.append("--reason=\(reason)") }
        if let commitTime { arguments.append("--commit-time=\(commitTime)") }
        if removeStrays { arguments.append("--remove-strays") }
        if overridesHolds { arguments.append("--override") }
        if let config = global.config { arguments.append("--config=\(config)") }
        return arguments
    }

    var interruptionMessage: [String] {
        if global.isRemote {
            return [
                "viridian: no longer following; the release continues on the server: viridian status \(app)"
            ]
        }
        var again = "viridian deploy \(app) --version \(version)"
        if let image { again += " --image \(image)" }
        if let replicas { again += " --replicas \(replicas)" }
        if let config = global.config { again += " --config \(config)" }
        return ["viridian: stopped; the release is left as it is. To continue: \(again)"]
    }
}
