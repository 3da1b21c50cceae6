import ArgumentParser
import Controller
import ReleaseMachine

struct RepairCommand: Verb {
    static let configuration = CommandConfiguration(
        commandName: "repair",
        abstract: "Bring nodes (new, returned, edited by hand) back to the live colour.",
        discussion: """
            Exit status: 0 every node routes to the live colour; 1 error; 5 a node does not, or with --dry-run needs repair; 75 a release \
            is running.
            """
    )

    @Argument(help: "The app.", completion: .app) var app: String
    @Flag(help: "Only print what would be done.") var dryRun = false
    @OptionGroup var output: OutputOptions
    @OptionGroup var global: GlobalOptions

    func perform() async throws -> ExitStatus {
        try await global.withReleaseClient(connecting: true) { client in
            let report = try await client.repair(app, isDryRun: dryRun, by: caller())
            if output.output == .json {
                printLine(try report.jsonLine())
                return report.whole ? .done : .needsRepair
            }
            let live = report.live
            printLine("\(live.color) is live with \(live.version)")
            var hasFailed = false
            for node in report.nodes {
                switch node.outcome {
                case .wasRight: printLine("\(node.address): routes to \(live.color)")
                case .broughtBack:
                    printLine("\(node.address): routes to \(live.color) now, verified (was: \(node.before))")
                case .wouldBeBroughtBack:
                    printLine("\(node.address): would be switched to \(live.color) (now: \(node.before))")
                case .stillDrifted:
                    printLine("\(node.address): could not be repaired: \(node.message ?? "unknown")")
                    hasFailed = true
                }
            }
            if let removed = report.removed {
                printLine("\(app)-\(removed) \(dryRun ? "would be deleted" : "was deleted"): no node routes to it")
            }
            if hasFailed { printLine("viridian check shows what to fix") }
            return report.whole ? .done : .needsRepair
        }
    }
}
