import ArgumentParser
import Controller
import ReleaseMachine
import ViridianConfiguration

struct RollbackCommand: Verb {
    static let configuration = CommandConfiguration(
        commandName: "rollback",
        abstract: "Roll back to the previous version, or to another one that was released.",
        discussion: """
            A running release is aborted. Otherwise the rollback is a release of its own, without a pause.

            Exit status: 0 the earlier version is live; 1 error; 2 the release failed and traffic is unchanged; 5 ended, but a node needs \
            repair; 75 another release is running; 130 stopped by Ctrl-C.
            """
    )

    @Argument(help: "The app.", completion: .app) var app: String
    @Option(
        help: "The version to roll back to, such as v1, or latest@sha256:45ec66bb where several images had the tag.")
    var to: String?
    @Option(help: "The reason, for the audit log.") var reason: String?
    @OptionGroup var output: OutputOptions
    @OptionGroup var global: GlobalOptions

    func perform() async throws -> ExitStatus {
        let version = try to.map { try VersionReference($0) }
        let reason = try reason.map { try Reason($0).text }
        return try await global.withReleaseClient(connecting: true) { client in
            let status = try await ReleaseFollower(output: output.output).run { observe in
                try await client.rollback(app, to: version, by: caller(), reason: reason, observe: observe)
            }
            return status == .aborted ? .done : status
        }
    }

    var interruptionMessage: [String] {
        global.isRemote
            ? ["viridian: no longer following; the release continues on the server"]
            : ["viridian: stopped; the release is left as it is. How to continue: viridian status \(app)"]
    }
}
