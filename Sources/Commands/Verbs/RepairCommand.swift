import ArgumentParser
import Controller
import ReleaseMachine

struct RepairCommand: Verb {
    static let configuration = CommandConfiguration(
        commandName: "repair",
        abstract: "Bring nodes (new, returned, edited by hand) back to the live colour.",
        discussion: """
            Exit status: 0 every node routes to the live colour; 1 could not; 5 some node does not, or with --dry-run: would have to be \
            brought back; 75 a release is running.
            """
    )

    @Argument(help: "The app.", completion: .app) var app: String
    @Flag(help: "Only say what would be done.") var dryRun = false
    @OptionGroup var output: OutputOptions
    @OptionGroup var global: GlobalOptions

    func perform() async throws -> ExitStatus {
        try await global.atDesk(reachingOut: true) { desk in
            let report = try await desk.repair(app, isDryRun: dryRun, by: caller())
            if output.output == .json {
                say(try report.jsonLine())
                return report.whole ? .done : .needsRepair
            }
            let live = report.live
            say("\(live.color) is live with \(live.version)")
            var isStuck = false
            for node in report.nodes {
                switch node.outcome {
                case .wasRight: say("\(node.address): routes to \(live.color)")
                case .broughtBack: say("\(node.address): routes to \(live.color) now, verified (was: \(node.before))")
                case .wouldBeBroughtBack:
                    say("\(node.address): would be brought to \(live.color) (now: \(node.before))")
                case .stillAstray:
                    say("\(node.address): could not be brought back: \(node.message ?? "unknown")")
                    isStuck = true
                }
            }
            if let removed = report.removed {
                say("\(app)-\(removed) \(dryRun ? "would be deleted" : "was deleted"): no node routes to it")
            }
            if isStuck { say("viridian check says what to correct there") }
            return report.whole ? .done : .needsRepair
        }
    }
}
