import ArgumentParser
import Controller
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

    @Option(
        name: .long,
        help: ArgumentHelp(
            "A viridian server: the verb goes through its API.",
            discussion: "Otherwise $VIRIDIAN_SERVER.", valueName: "url")
    )
    var server: String?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "An access token for the server.",
            discussion: "Otherwise $VIRIDIAN_TOKEN, which other users of this machine cannot see.", valueName: "token")
    )
    var token: String?

    /// The server to talk to; `nil` for the engine in this process.
    func remote() throws -> RemoteServer? {
        let environment = ProcessInfo.processInfo.environment
        guard let url = server ?? environment["VIRIDIAN_SERVER"], !url.isEmpty else { return nil }
        guard let token = token ?? environment["VIRIDIAN_TOKEN"], !token.isEmpty else {
            throw Refusal("\(url.safe) needs an access token: --token, or $VIRIDIAN_TOKEN")
        }
        return try RemoteServer(url.hasSuffix("/") ? String(url.dropLast()) : url, token: token)
    }

    /// Refuses a server where a verb cannot go through one. Only what was written with the verb itself counts: the environment may be
    /// set for others.
    func refuseServer(_ verb: String, _ why: String) throws {
        guard let option = server != nil ? "--server" : token != nil ? "--token" : nil else { return }
        throw ValidationError("viridian \(verb) takes no \(option): \(why)")
    }

    /// What goes on when the verb is stopped.
    var isRemote: Bool { (server ?? ProcessInfo.processInfo.environment["VIRIDIAN_SERVER"])?.isEmpty == false }
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
