import ArgumentParser
import Controller
import ReleaseMachine
import ViridianConfiguration

struct StatusCommand: Verb {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "What serves now: colours, versions, pods, nodes, and what awaits a person."
    )

    @Argument(help: "The app; all of them when it is left out.") var app: String?
    @Flag(help: "Look again every two seconds, until Ctrl-C.") var watch = false
    @OptionGroup var output: OutputOptions
    @OptionGroup var global: GlobalOptions

    func perform() async throws -> ExitStatus {
        try await global.atDesk(reachingOut: true) { desk in
            let names: [String]
            if let app { names = [app] } else { names = try await desk.apps() }
            let terminal = Terminal.current()
            while true {
                var lines: [String] = []
                for name in names {
                    let status = try await desk.view(of: name)
                    lines += output.output == .json ? [try status.jsonLine()] : status.lines(terminal)
                }
                if names.isEmpty { lines.append("no app is configured yet") }
                if watch, terminal.isInteractive { put("\u{1b}[H\u{1b}[J") }
                for line in lines where !say(line) { return .done }
                guard watch else { return .done }
                try await Task.sleep(for: .seconds(2))
            }
        }
    }
}

extension AppView {
    func lines(_ terminal: Terminal) -> [String] {
        let serving = live.map { live in
            "\(live.version) on \(live.color)" + (live.release.map { " (\(app)/\($0))" } ?? "")
        }
        var lines = [terminal.styled("\(app)  \(serving.map { "live: \($0)" } ?? "nothing is live yet")", .bold)]
        for color in Color.allCases {
            guard let status = colors[color.rawValue] else { continue }
            let mark = live?.color == color ? "● live" : ""
            lines.append(
                "  \(color.rawValue.padded(6)) \(status.version.padded(20)) pods \(status.ready)/\(status.replicas)  \(mark)"
            )
        }
        let groups = Dictionary(grouping: nodes) { $0.color?.rawValue ?? "?" }
        let counts = groups.sorted { $0.key < $1.key }.map { "\($0.value.count) to \($0.key)" }
        lines.append("  nodes  \(nodes.count): \(counts.joined(separator: ", "))")
        for node in nodes where node.message != nil {
            lines.append(terminal.styled("    \(node.address): \(node.message ?? "unknown")", .red))
        }
        if let release {
            lines.append(
                "  latest \(app)/\(release.number) \(release.version) \(release.state.rawValue) (\(release.phase))")
        }
        return lines.map(\.self) + advice.map { terminal.styled("  → \($0)", .yellow) }
    }
}
