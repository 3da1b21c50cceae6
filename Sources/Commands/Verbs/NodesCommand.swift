import ArgumentParser
import Controller
import ReleaseMachine
import ViridianConfiguration

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
            let client = client.together(names)
            let rows = try await client.each(of: names) { try await client.nodes(of: $0) }.flatMap(\.self)
            if output.output == .json {
                for row in rows { printLine(try row.jsonLine()) }
            } else {
                // Only where a cluster has a name.
                let hasClusters = rows.contains { $0.cluster != nil }
                let cells = rows.map { row in
                    [row.address] + (hasClusters ? [row.cluster ?? ClusterConfiguration.unnamed] : [])
                        + [row.app, row.color?.rawValue ?? "-", row.state.rawValue, row.message ?? ""]
                }
                let heads = ["NODE"] + (hasClusters ? ["CLUSTER"] : []) + ["APP", "ROUTES TO", "STATE", "WHY"]
                for line in Table(heads, cells).lines { printLine(line) }
            }
            return .done
        }
    }
}
