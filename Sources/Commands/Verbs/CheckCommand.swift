import ArgumentParser
import Controller
import ViridianConfiguration

struct CheckCommand: Verb {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Everything that a release depends on, one line each with the mend.",
        discussion: "Exit status: 0 when nothing stands in a release's way, 1 otherwise."
    )

    @OptionGroup var output: OutputOptions
    @OptionGroup var global: GlobalOptions

    func validate() throws {
        try global.refuseServer("check", "it looks from this machine at what releases started here depend on")
    }

    func perform() async throws -> ExitStatus {
        try await Installation.open(global, reachingOut: true) { installation in
            let findings = await Preflight(installation).findings()
            for finding in findings {
                say(output.output == .json ? try finding.jsonLine() : finding.line(Terminal.current()))
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

    func line(_ terminal: Terminal) -> String {
        let mark =
            switch state {
            case .ok: terminal.styled("ok     ", .green)
            case .warning: terminal.styled("warning", .yellow)
            case .bad: terminal.styled("bad    ", .red)
            }
        let place = [app, node].compactMap { $0 }.joined(separator: " ")
        return "\(mark)  \(place.isEmpty ? "" : place + ": ")\(what.safe)\(mend.map { ". Mend: \($0)" } ?? "")"
    }
}
