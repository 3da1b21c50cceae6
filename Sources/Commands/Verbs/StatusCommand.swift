import ArgumentParser
import Controller
import ReleaseMachine
import ViridianConfiguration

struct StatusCommand: Verb {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Show the live state: colours, versions, pods, nodes, and what needs attention.",
        discussion:
            "Exit status: 0; 1 if the cluster could not be read: the state of journal and nodes is still shown."
    )

    @Argument(help: "The app. Default: all.", completion: .app) var app: String?
    @Flag(help: "Refresh every two seconds until Ctrl-C.") var watch = false
    @OptionGroup var output: OutputOptions
    @OptionGroup var global: GlobalOptions

    func perform() async throws -> ExitStatus {
        try await global.withReleaseClient(connecting: true, for: .reading) { client in
            let names: [String]
            if let app { names = [app] } else { names = try await client.apps() }
            let terminal = Terminal.current()
            while true {
                var lines: [TerminalLine] = []
                var problems: [String] = []
                let client = client.together(names)
                for status in try await client.each(of: names, { try await client.view(of: $0) }) {
                    lines += output.output == .json ? [TerminalLine(try status.jsonLine())] : status.lines(terminal)
                    if let problem = status.problem, !problems.contains(problem) { problems.append(problem) }
                }
                if names.isEmpty { lines.append(TerminalLine("no app is configured yet")) }
                if watch, terminal.isInteractive { printText("\u{1b}[H\u{1b}[J") }
                for line in lines where !printLine(line) { return .done }
                for problem in problems { printError("viridian: the cluster could not be read: \(problem)") }
                guard watch else { return problems.isEmpty ? .done : .couldNot }
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
            problem == nil && seenAt == nil
            ? "the live colour is unknown: the cluster has not been read yet"
            : problem == nil ? "nothing is live yet" : "the live colour is unknown: the cluster could not be read"
        var lines = [terminal.styled("\(app)  \(serving ?? unknown)", .bold)]
        for color in Color.allCases {
            guard let status = colors[color.rawValue] else { continue }
            let mark = live?.color == color ? "  ● live" : ""
            lines.append(
                TerminalLine(
                    "  \(color.rawValue.padded(6)) \(status.version.padded(20)) pods \(status.ready)/\(status.replicas)\(mark)"
                ))
        }
        if let cluster { lines.append(TerminalLine("  in     cluster \(cluster)")) }
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
            if let count = release.approvalCount { lines.append(TerminalLine("  approved \(count)")) }
            if release.awaiting != nil, let preview = release.previewURL {
                lines.append(TerminalLine("  preview \(preview)"))
            }
        }
        lines += holds.map { terminal.styled("  held   \($0.sentence)", .yellow) }
        if let queued {
            // What holds it is said once.
            let why = holds.contains { $0.sentence == queued.waits } ? "" : ": \(queued.waits)"
            lines.append(TerminalLine("  queue  \(queued.version) since \(queued.since.minute) UTC\(why)"))
        }
        return lines + advice.map { terminal.styled("  → \($0)", .yellow) }
    }

    /// `3: 2 to blue, 1 unknown`
    private var routes: String {
        // Nothing has told which nodes there are.
        if nodes.isEmpty, seenAt == nil { return "unknown: they could not be read" }
        let groups = Dictionary(grouping: nodes) { $0.color?.rawValue }
        let counts = groups.sorted { ($0.key ?? "~") < ($1.key ?? "~") }.map { color, nodes in
            "\(nodes.count) \(color.map { "to \($0)" } ?? "unknown")"
        }
        return ([nodes.count.description] + (counts.isEmpty ? [] : [counts.joined(separator: ", ")]))
            .joined(separator: ": ")
    }
}
