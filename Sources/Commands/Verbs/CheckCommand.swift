import ArgumentParser
import Controller
import ViridianConfiguration

struct CheckCommand: Verb {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Everything that a release depends on, one line each with how to fix it.",
        discussion: "Exit status: 0 when nothing stands in a release's way, 1 otherwise."
    )

    @OptionGroup var output: OutputOptions
    @OptionGroup var local: LocalOptions

    func validate() throws {
        try local.refuseServer(
            "check",
            "it looks from this machine at what releases started here depend on, so run it where the server runs")
    }

    func perform() async throws -> ExitStatus {
        if let server = ServerOptions.fromEnvironment,
            (try? ConfigurationFile.locate(explicit: local.config)) == nil
        {
            throw Refusal(
                "check looks from the machine that runs the releases, and there is no configuration here: "
                    + "run it on the machine of \(server), which $VIRIDIAN_SERVER names")
        }
        return try await Installation.open(config: local.config, reachingOut: true, for: .checking) { installation in
            let findings = await Preflight(installation).findings()
            for finding in findings {
                if output.output == .json {
                    say(try finding.jsonLine())
                } else {
                    say(finding.line(Terminal.current()))
                }
            }
            return findings.contains { $0.state == .bad } ? .couldNot : .done
        }
    }
}

/// One thing that was looked at.
struct Finding: Encodable, Sendable {
    enum State: String, Encodable {
        case ok
        case warning
        case bad
    }

    var state: State
    var app: String?
    var node: String?
    var what: String
    var mend: String?

    func line(_ terminal: Terminal) -> TerminalLine {
        let mark =
            switch state {
            case .ok: terminal.styled("ok     ", .green)
            case .warning: terminal.styled("warning", .yellow)
            case .bad: terminal.styled("bad    ", .red)
            }
        let place = [app, node].compactMap { $0 }.joined(separator: " ")
        return mark + "  \(place.isEmpty ? "" : place + ": ")\(what)\(mend.map { ". To fix: \($0)" } ?? "")"
    }
}
