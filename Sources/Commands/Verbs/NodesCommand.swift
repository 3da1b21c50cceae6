import ArgumentParser
import Controller
import ReleaseMachine
import ViridianConfiguration
import Workloads

struct NodesCommand: Verb {
    static let configuration = CommandConfiguration(
        commandName: "nodes",
        abstract: "For each node what it really routes to, read back from it."
    )

    @Argument(help: "The app; all of them when it is left out.") var app: String?
    @OptionGroup var output: OutputOptions
    @OptionGroup var global: GlobalOptions

    private struct Row: Encodable {
        var app: String
        var address: String
        var color: Color?
        /// What the cluster has recorded as live.
        var live: Color?
        var state: String
        var message: String?
    }

    func perform() async throws -> ExitStatus {
        try await Installation.open(global, reachingOut: true) { installation in
            guard let client = installation.cluster, let fleet = installation.fleet else { return .couldNot }
            let apps = try app.map { [try installation.configuration.app($0)] } ?? installation.configuration.apps
            var rows: [Row] = []
            for app in apps {
                let look = AppLook(app: app, client: client, fleet: fleet)
                // The nodes tell their truth also while the cluster cannot be asked.
                let live = try? await look.cluster.survey().recorded?.color
                for reading in await look.nodes.read(try await look.nodes.list(), claiming: nil) {
                    let state = state(of: reading, live: live)
                    rows.append(
                        Row(
                            app: app.name.text,
                            address: reading.node,
                            color: reading.color,
                            live: live,
                            state: state,
                            message: reading.message
                        )
                    )
                }
            }
            if output.output == .json {
                for row in rows { say(try row.jsonLine()) }
            } else {
                let cells = rows.map { [$0.address, $0.app, $0.color?.rawValue ?? "?", $0.state, $0.message ?? ""] }
                for line in Table(["NODE", "APP", "ROUTES TO", "STATE", "WHY"], cells).lines { say(line) }
            }
            return .done
        }
    }

    private func state(of reading: NodeReading, live: Color?) -> String {
        if reading.isUnreachable { return "unreachable" }
        guard let color = reading.color else { return reading.isNew ? "new" : "unclear" }
        if let live, color != live { return "astray" }
        // It routes rightly, and would not after the next reload.
        return reading.message == nil ? "ok" : "edited"
    }
}
