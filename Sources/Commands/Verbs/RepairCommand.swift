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
    @OptionGroup var global: GlobalOptions

    func perform() async throws -> ExitStatus {
        try await Installation.open(global, reachingOut: true) { installation in
            let report = try await installation.releases(app).repair(isDryRun: dryRun)
            let live = report.live
            say("\(live.color) is live with \(live.version)")
            for node in report.nodes {
                let before = node.before.color?.rawValue ?? node.before.message ?? "unknown"
                switch node.outcome {
                case .wasRight: say("\(node.address): routes to \(live.color)")
                case .broughtBack:
                    let what = dryRun ? "would be brought to \(live.color)" : "routes to \(live.color) now, verified"
                    say("\(node.address): \(what) (was: \(before.safe))")
                case .stillAstray(let why): say("\(node.address): still astray: \(why.safe)")
                }
            }
            if let removed = report.removed {
                say("\(app)-\(removed) \(dryRun ? "would be deleted" : "was deleted"): no node routes to it")
            }
            return report.isWhole ? .done : .needsRepair
        }
    }
}
