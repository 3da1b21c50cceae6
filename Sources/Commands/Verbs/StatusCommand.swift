import ArgumentParser
import Controller
import ReleaseMachine
import ViridianConfiguration

struct StatusCommand: Verb {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "What serves now: colours, versions, pods, nodes, and what awaits a person.",
        discussion:
            "Exit status: 0; 1 when the cluster could not be asked: what is known without it is shown all the same."
    )

    @Argument(help: "The app; all of them when it is left out.", completion: .app) var app: String?
    @Flag(help: "Show it again every two seconds, until Ctrl-C.") var watch = false
    @OptionGroup var output: OutputOptions
    @OptionGroup var global: GlobalOptions

    func perform() async throws -> ExitStatus {
        try await global.atDesk(reachingOut: true, for: .looking) { desk in
            let names: [String]
            if let app { names = [app] } else { names = try await desk.apps() }
            let terminal = Terminal.current()
            while true {
                var lines: [TerminalLine] = []
                var troubles: [String] = []
                for name in names {
                    let status = try await desk.view(of: name)
                    lines += output.output == .json ? [TerminalLine(try status.jsonLine())] : status.lines(terminal)
                    if let trouble = status.trouble, !troubles.contains(trouble) { troubles.append(trouble) }
                }
                if names.isEmpty { lines.append(TerminalLine("no app is configured yet")) }
                if watch, terminal.isInteractive { put("\u{1b}[H\u{1b}[J") }
                for line in lines where !say(line) { return .done }
                for trouble in troubles { complain("viridian: the cluster could not be asked: \(trouble)") }
                guard watch else { return troubles.isEmpty ? .done : .couldNot }
                try await Task.sleep(for: .seconds(2))
            }
        }
    }
}

extension AppView {
    func lines(_ terminal: Terminal) -> [TerminalLine] {
        let serving = live.map { live in
            "live: \(live.version) on \(live.color)" + (live.release.map { " (\(app)/\($0))" } ?? "")
        }
        let unknown =
            trouble == nil ? "nothing is live yet" : "what is live is not known: the cluster could not be asked"
        var lines = [terminal.styled("\(app)  \(serving ?? unknown)", .bold)]
        for color in Color.allCases {
            guard let status = colors[color.rawValue] else { continue }
            let mark = live?.color == color ? "  ● live" : ""
            lines.append(
                TerminalLine(
                    "  \(color.rawValue.padded(6)) \(status.version.padded(20)) pods \(status.ready)/\(status.replicas)\(mark)"
                ))
        }
        lines.append(TerminalLine("  nodes  \(routes)"))
        for node in nodes {
            guard let message = node.message else { continue }
            lines.append(terminal.styled("    \(node.address): \(message)", .red))
        }
        if let release {
            lines.append(
                TerminalLine(
                    "  latest \(app)/\(release.number) \(release.version) \(release.state.rawValue) (\(release.phase))")
            )
            if release.awaiting != nil, let preview = release.previewURL {
                lines.append(TerminalLine("  try    \(preview)"))
            }
        }
        return lines + advice.map { terminal.styled("  → \($0)", .yellow) }
    }

    /// `3: 2 to blue, 1 not known`
    private var routes: String {
        let groups = Dictionary(grouping: nodes) { $0.color?.rawValue }
        let counts = groups.sorted { ($0.key ?? "~") < ($1.key ?? "~") }.map { color, nodes in
            "\(nodes.count) \(color.map { "to \($0)" } ?? "not known")"
        }
        return ([nodes.count.description] + (counts.isEmpty ? [] : [counts.joined(separator: ", ")]))
            .joined(separator: ": ")
    }
}
