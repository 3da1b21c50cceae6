import ArgumentParser
import Foundation

struct GlobalOptions: ParsableArguments, Sendable {
    @Option(
        name: .long,
        help: ArgumentHelp(
            "The configuration file.",
            discussion: "Otherwise $VIRIDIAN_CONFIG, ./viridian.yaml, /etc/viridian/viridian.yaml.",
            valueName: "file"
        )
    )
    var config: String?
}

enum OutputFormat: String, ExpressibleByArgument, CaseIterable, Sendable {
    case text
    case json
}

struct OutputOptions: ParsableArguments, Sendable {
    @Option(name: [.short, .long], help: "text, or json: one object, or one object a line.")
    var output: OutputFormat = .text
}

/// Who runs the command, for the record: `$VIRIDIAN_USER` where CI acts for a person, or the login name.
func caller() -> String {
    let environment = ProcessInfo.processInfo.environment
    if let name = environment["VIRIDIAN_USER"], !name.isEmpty { return name }
    if let name = environment["SUDO_USER"], !name.isEmpty { return name }
    return NSUserName()
}
