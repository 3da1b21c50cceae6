import ArgumentParser
import Controller
import Journal
import ReleaseMachine
import ViridianConfiguration

struct JournalAcceptCommand: Verb {
    static let configuration = CommandConfiguration(
        commandName: "accept",
        abstract: "Accept that the journal has lost events of an app, so that the app can be released again.",
        discussion: """
            After a failover to a standby that was behind, or when a backup was restored, the journal may lack events that were acted on. The \
            app's Lease tells, and its releases stop. If a journal with these events is left anywhere, bring that back instead. A release that \
            has not ended is ended: live if the cluster has recorded that it is, else failed. No traffic is moved, and no workload is changed; \
            viridian repair does what is left, going by the live colour that the cluster has recorded.
            """
    )

    @Argument(help: "The app.", completion: .app) var app: String
    @Option(help: "The reason, for the audit log.") var reason: String
    @OptionGroup var local: LocalOptions

    func validate() throws {
        try local.refuseServer("journal accept", "it uses the journal itself")
        if reason.allSatisfy(\.isWhitespace) { throw ValidationError("--reason takes why the loss is accepted") }
    }

    func perform() async throws -> ExitStatus {
        let reason = try Reason(reason).text
        return try await Installation.open(config: local.config, connecting: true) { installation in
            let accepted = try await installation.releases(app).acceptLoss(by: caller(), reason: reason)
            if accepted.ended == nil {
                try await installation.journal.note(
                    AuditEntry(
                        at: SystemClock().now, who: caller(), action: "journal.accept", app: app,
                        origin: RequestOrigin.commandLine.origin, reason: reason, detail: accepted.lost.sentence))
            }
            for line in lines(accepted) { printLine(line) }
            return .done
        }
    }

    private func lines(_ accepted: AppReleases.AcceptedLoss) -> [String] {
        let lost = "\(app)/\(accepted.lost.seen.release)"
        let ended = accepted.ended.map { "\($0.order.name) (\($0.order.version)) has ended: \($0.state)" }
        return [ended ?? "what was lost of \(lost) is accepted; no release of \(app) was open"]
            + accepted.observation.lines
            + [
                "what was asked for since, such as an abort, may be lost too: ask for it again",
                "next: viridian repair \(app) brings every node to the live colour and deletes the other one; then restart the servers of "
                    + "Viridian, which still show what they had read",
            ]
    }

    var interruptionMessage: [String] { ["viridian: stopped; run it again: it can be repeated"] }
}
