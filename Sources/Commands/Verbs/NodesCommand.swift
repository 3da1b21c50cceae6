import ArgumentParser
import Controller
import ReleaseMachine

struct NodesCommand: Verb {
    static let configuration = CommandConfiguration(
        commandName: "nodes",
        abstract: "Show what each node routes to, as read back from the node."
    )

    @Argument(help: "The app. Default: all.", completion: .app) var app: String?
    @OptionGroup var output: OutputOptions
    @OptionGroup var global: GlobalOptions

    func perform() async throws -> ExitStatus {
        try await global.withReleaseClient(connecting: true, for: .reading) { client in
            let names: [String]
            if let app { names = [app] } else { names = try await client.apps() }
            var rows: [NodeRoute] = []
            for name in names { rows += try await client.nodes(of: name) }
            if output.output == .json {
                for row in rows { printLine(try row.jsonLine()) }
            } else {
                let cells = rows.map {
                    [$0.address, $0.app, $0.color?.rawValue ?? "-", $0.state.rawValue, $0.message ?? ""]
                }
                for line in Table(["NODE", "APP", "ROUTES TO", "STATE", "WHY"], cells).lines { printLine(line) }
            }
            return .done
        }
    }
}
