import ArgumentParser
import Controller
import ReleaseMachine
import Server
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
            let lists = try await client.each(of: names) { try await client.nodes(of: $0) }
            let (rows, unread) = (lists.flatMap(\.nodes), lists.flatMap { $0.unread ?? [] })
            if output.output == .json {
                for row in rows { printLine(try row.jsonLine()) }
            } else {
                // Only where a cluster has a name.
                let hasClusters = rows.contains { $0.cluster != nil } || unread.contains { $0.cluster != nil }
                let cells = rows.map { row in
                    [row.address] + (hasClusters ? [row.cluster ?? ClusterConfiguration.unnamed] : [])
                        + [row.app, row.color?.rawValue ?? "-", row.state.rawValue, row.message ?? ""]
                }
                let heads = ["NODE"] + (hasClusters ? ["CLUSTER"] : []) + ["APP", "ROUTES TO", "STATE", "WHY"]
                for line in Table(heads, cells).lines { printLine(line) }
            }
            // Once for all apps of a cluster that does not answer.
            for (index, entry) in unread.enumerated() {
                let same = unread.filter { $0.problem == entry.problem && $0.cluster == entry.cluster }.map(\.app)
                guard unread[..<index].allSatisfy({ $0.problem != entry.problem || $0.cluster != entry.cluster }) else {
                    continue
                }
                let names =
                    same.prefix(3).joined(separator: ", ") + (same.count > 3 ? " and \(same.count - 3) more" : "")
                let place = entry.cluster.map { " in cluster \($0)" } ?? ""
                printError(
                    "viridian: warning: what is live of \(names)\(place) could not be read; rows may be old or missing: "
                        + entry.problem)
            }
            return .done
        }
    }
}
