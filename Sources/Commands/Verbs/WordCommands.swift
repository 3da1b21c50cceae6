import ArgumentParser
import Controller
import ReleaseMachine
import ViridianConfiguration

struct PromoteCommand: Verb {
    static let configuration = CommandConfiguration(
        commandName: "promote",
        abstract: "Move the traffic to a release that is paused for verification.",
        discussion: """
            Exit status: 0 the version is live; 1 could not; 2 the release failed and traffic is where it was; 4 aborted meanwhile; \
            5 ended, but a node needs repair; 130 stopped by Ctrl-C.
            """,
        aliases: ["finish"]
    )

    @Argument(help: "The app.", completion: .app) var app: String
    @OptionGroup var output: OutputOptions
    @OptionGroup var global: GlobalOptions

    func perform() async throws -> ExitStatus {
        try await global.atDesk(reachingOut: true) { desk in
            try await Follower(output: output.output).run { observe in
                try await desk.promote(app, by: caller(), observe: observe)
            }
        }
    }

    var wordsWhenInterrupted: [String] {
        global.isRemote
            ? ["viridian: no longer watching; the release goes on at the server"]
            : ["viridian: stopped; the release is left as it is: `viridian status \(app)` tells how to go on"]
    }
}

struct AbortCommand: Verb {
    static let configuration = CommandConfiguration(
        commandName: "abort",
        abstract: "Give a running release up: its candidate goes, traffic stays or comes back.",
        discussion: """
            Exit status: 0 it is aborted; 1 could not; 2 it failed by itself meanwhile; 5 ended, but a node needs repair; 130 stopped by \
            Ctrl-C.
            """
    )

    @Argument(help: "The app.", completion: .app) var app: String
    @Option(help: "Why, for the record.") var reason: String?
    @OptionGroup var output: OutputOptions
    @OptionGroup var global: GlobalOptions

    func perform() async throws -> ExitStatus {
        let reason = try reason.map { try Reason($0).text }
        return try await global.atDesk(reachingOut: true) { desk in
            let status = try await Follower(output: output.output).run { observe in
                try await desk.abort(app, by: caller(), reason: reason, observe: observe)
            }
            // Aborted is what was asked for.
            return status == .aborted ? .done : status
        }
    }

    var wordsWhenInterrupted: [String] {
        global.isRemote
            ? ["viridian: no longer watching; the release goes on giving up at the server"]
            : ["viridian: stopped; the release goes on giving up with: viridian abort \(app), or the deploy command"]
    }
}

struct RollbackCommand: Verb {
    static let configuration = CommandConfiguration(
        commandName: "rollback",
        abstract: "Go back to the version before, or to another one that was released.",
        discussion: """
            A release that is still running is aborted; otherwise this is a release of its own, without a pause.

            Exit status: 0 the earlier version serves; 1 could not; 2 the release failed and traffic is where it was; 5 ended, but a node \
            needs repair; 75 another release is running; 130 stopped by Ctrl-C.
            """
    )

    @Argument(help: "The app.", completion: .app) var app: String
    @Option(help: "The version to go back to.") var to: String?
    @Option(help: "Why, for the record.") var reason: String?
    @OptionGroup var output: OutputOptions
    @OptionGroup var global: GlobalOptions

    func perform() async throws -> ExitStatus {
        let version = try to.map { try Version($0) }
        let reason = try reason.map { try Reason($0).text }
        return try await global.atDesk(reachingOut: true) { desk in
            let status = try await Follower(output: output.output).run { observe in
                try await desk.rollback(app, to: version, by: caller(), reason: reason, observe: observe)
            }
            return status == .aborted ? .done : status
        }
    }

    var wordsWhenInterrupted: [String] {
        global.isRemote
            ? ["viridian: no longer watching; the release goes on at the server"]
            : ["viridian: stopped; the release is left as it is: `viridian status \(app)` tells how to go on"]
    }
}
