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
                    for line in try finding.jsonLines() { printLine(line) }
                } else {
                    printLine(finding.line(Terminal.current()))
                }
            }
            return findings.contains { $0.state == .bad } ? .couldNot : .done
        }
    }
}
