import ArgumentParser
import Controller
import ReleaseMachine
import ViridianConfiguration

struct PromoteCommand: Verb {
    static let configuration = CommandConfiguration(
        commandName: "promote",
        abstract: "Move the traffic to a release that is paused for verification.",
        discussion: """
            Exit status: 0 the version is live; 1 error; 2 the release failed and traffic is unchanged; 4 aborted; 5 ended, but a node \
            needs repair; 130 stopped by Ctrl-C.
            """,
        aliases: ["finish"]
    )

    @Argument(help: "The app.", completion: .app) var app: String
    @OptionGroup var output: OutputOptions
    @OptionGroup var global: GlobalOptions

    func perform() async throws -> ExitStatus {
        try await global.withReleaseClient(connecting: true) { client in
            try await ReleaseFollower(output: output.output).run { observe in
                try await client.promote(app, by: caller(), observe: observe)
            }
        }
    }

    var interruptionMessage: [String] {
        global.isRemote
            ? ["viridian: no longer following; the release continues on the server"]
            : ["viridian: stopped; the release is left as it is. How to continue: viridian status \(app)"]
    }
}
