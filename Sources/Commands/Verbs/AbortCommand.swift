import ArgumentParser
import Controller
import ReleaseMachine
import ViridianConfiguration

struct AbortCommand: Verb {
    static let configuration = CommandConfiguration(
        commandName: "abort",
        abstract:
            "Abort a running release: delete its candidate; traffic stays on the previous colour or returns to it.",
        discussion: """
            Exit status: 0 aborted; 1 error; 2 the release failed before it was aborted; 5 ended, but a node needs repair; 130 stopped \
            by Ctrl-C.
            """
    )

    @Argument(help: "The app.", completion: .app) var app: String
    @Option(help: "The reason, for the audit log.") var reason: String?
    @OptionGroup var output: OutputOptions
    @OptionGroup var global: GlobalOptions

    func perform() async throws -> ExitStatus {
        let reason = try reason.map { try Reason($0).text }
        return try await global.withReleaseClient(connecting: true) { client in
            let status = try await ReleaseFollower(output: output.output).run { observe in
                try await client.abort(app, by: caller(), reason: reason, observe: observe)
            }
            // Aborted is what was requested.
            return status == .aborted ? .done : status
        }
    }

    var interruptionMessage: [String] {
        global.isRemote
            ? ["viridian: no longer following; the server continues to abort the release"]
            : ["viridian: stopped; to continue to abort the release: viridian abort \(app)"]
    }
}
