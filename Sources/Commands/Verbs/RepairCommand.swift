import ArgumentParser
import Controller
import ReleaseMachine

struct RepairCommand: Verb {
    static let configuration = CommandConfiguration(
        commandName: "repair",
        abstract: "Bring nodes (new, returned, edited by hand) back to the live colour.",
        discussion: "Exit status: 0 every node routes to the live colour; 5 some node still does not."
    )

    @Argument(help: "The app.") var app: String
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
            say("\(live.color) is live with \(live.version.safe)")
            for node in report.nodes {
                switch node.outcome {
                case .wasRight: say("\(node.address): routes to \(live.color)")
                case .broughtBack:
                    let what = dryRun ? "would be brought to \(live.color)" : "routes to \(live.color) now, verified"
                    say("\(node.address): \(what) (was: \(node.before.safe))")
                case .stillAstray: say("\(node.address): still astray: \((node.message ?? "unknown").safe)")
                }
            }
            if let removed = report.removed {
                say("\(app)-\(removed) \(dryRun ? "would be deleted" : "was deleted"): no node routes to it")
            }
            return report.whole ? .done : .needsRepair
        }
    }
}
