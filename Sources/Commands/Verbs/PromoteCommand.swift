import ArgumentParser
import Controller
import ReleaseMachine
import ViridianConfiguration

struct PromoteCommand: Verb {
    static let configuration = CommandConfiguration(
        commandName: "promote",
        abstract: "Move the traffic to a release that is paused for verification.",
        discussion: """
            Where a release needs the approvals of several people, this is yours: the traffic moves with the last one.

            Exit status: 0 the version is live, or you have approved it and others have to; 1 error; 2 the release failed and traffic is \
            unchanged; 4 aborted; 5 ended, but a node needs repair; 130 stopped by Ctrl-C.
            """,
        aliases: ["finish"]
    )

    @Argument(help: "The app.", completion: .app) var app: String
    @Flag(
        name: .customLong("override"),
        help:
            "Promote without the approvals that are missing. Takes a --reason, and at a server a token with role admin."
    )
    var overridesApprovals = false
    @Option(help: "The reason for --override, for the audit log.") var reason: String?
    @OptionGroup var output: OutputOptions
    @OptionGroup var global: GlobalOptions

    func validate() throws {
        if overridesApprovals, reason?.allSatisfy(\.isWhitespace) ?? true {
            throw ValidationError("--override takes a --reason: it goes into the audit log")
        }
        if !overridesApprovals, reason != nil {
            throw ValidationError("--reason goes with --override: a promotion with all approvals takes none")
        }
    }

    func perform() async throws -> ExitStatus {
        let reason = try reason.map { try Reason($0).text }
        return try await global.withReleaseClient(connecting: true) { client in
            let release = try await ReleaseFollower(output: output.output).follow { observe in
                try await client.promote(
                    app, by: caller(), forcedReason: overridesApprovals ? reason : nil, observe: observe)
            }
            guard release.state == .paused else { return Outcome(release).exitStatus }
            if output.output == .text { printLine(approved(release)) }
            return .done
        }
    }

    private func approved(_ release: Release) -> String {
        let serving = release.previous.map { "\($0.version) on \($0.color) serves, as before" } ?? "Nothing serves yet"
        let count = release.approvalCount.map { ", \($0)" } ?? ""
        return "\(release.order.name) is approved\(count): \(release.missingApprovals). \(serving)"
    }

    var interruptionMessage: [String] {
        global.isRemote
            ? ["viridian: no longer following; the release continues on the server"]
            : ["viridian: stopped; the release is left as it is. How to continue: viridian status \(app)"]
    }
}
