import ArgumentParser
import Controller
import ReleaseMachine

struct NodesCommand: Verb {
    static let configuration = CommandConfiguration(
        commandName: "nodes",
        abstract: "For each node what it really routes to, read back from it."
    )

    @Argument(help: "The app; all of them when it is left out.", completion: .app) var app: String?
    @OptionGroup var output: OutputOptions
    @OptionGroup var global: GlobalOptions

    func perform() async throws -> ExitStatus {
        try await global.atDesk(reachingOut: true, for: .looking) { desk in
            let names: [String]
            if let app { names = [app] } else { names = try await desk.apps() }
            var rows: [NodeRoute] = []
            for name in names { rows += try await desk.nodes(of: name) }
            if output.output == .json {
                for row in rows { say(try row.jsonLine()) }
            } else {
                let cells = rows.map {
                    [$0.address, $0.app, $0.color?.rawValue ?? "-", $0.state.rawValue, $0.message ?? ""]
                }
                for line in Table(["NODE", "APP", "ROUTES TO", "STATE", "WHY"], cells).lines { say(line) }
            }
            return .done
        }
    }
}
