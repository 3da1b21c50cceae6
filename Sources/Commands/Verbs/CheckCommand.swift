import ArgumentParser
import Controller
import ViridianConfiguration

struct CheckCommand: Verb {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Check everything a release depends on, one line each, and say how to fix it.",
        discussion: "Exit status: 0 if nothing blocks a release, 1 otherwise."
    )

    @OptionGroup var output: OutputOptions
    @OptionGroup var local: LocalOptions

    func validate() throws {
        try local.refuseServer(
            "check",
            "it checks from this machine what releases started here depend on, so run it where the server runs")
    }

    func perform() async throws -> ExitStatus {
        if let server = ServerOptions.fromEnvironment,
            (try? ConfigurationFile.locate(explicit: local.config)) == nil
        {
            throw Refusal(
                "check runs on the machine that runs the releases, and there is no configuration here: "
                    + "run it on the machine of \(server) ($VIRIDIAN_SERVER)")
        }
        return try await Installation.open(config: local.config, connecting: true, for: .checking) { installation in
            let findings = await Preflight(installation).findings()
            for finding in findings {
                if output.output == .json {
                    printLine(try finding.jsonLine())
                } else {
                    printLine(finding.line(Terminal.current()))
                }
            }
            return findings.contains { $0.state == .bad } ? .couldNot : .done
        }
    }
}

/// The result of one check.
struct Finding: Encodable, Sendable {
    enum State: String, Encodable {
        case ok
        case warning
        case bad
    }

    var state: State
    /// The cluster that it is about, where that has a name.
    var cluster: String?
    var app: String?
    var node: String?
    var what: String
    var fix: String?

    func line(_ terminal: Terminal) -> TerminalLine {
        let mark =
            switch state {
            case .ok: terminal.styled("ok     ", .green)
            case .warning: terminal.styled("warning", .yellow)
            case .bad: terminal.styled("bad    ", .red)
            }
        let place = [cluster, app, node].compactMap { $0 }.joined(separator: " ")
        return mark + "  \(place.isEmpty ? "" : place + ": ")\(what)\(fix.map { ". To fix: \($0)" } ?? "")"
    }
}
