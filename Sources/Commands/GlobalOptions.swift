import ArgumentParser
import Controller
import Foundation
import ViridianConfiguration

/// For verbs that read the configuration on this machine.
struct ConfigurationOptions: ParsableArguments, Sendable {
    @Option(
        name: .long,
        help: ArgumentHelp(
            "The configuration file.",
            discussion: "Otherwise $VIRIDIAN_CONFIG, ./viridian.yaml, /etc/viridian/viridian.yaml.",
            valueName: "file"
        ),
        completion: .file(extensions: ["yaml", "yml"])
    )
    var config: String?
}

/// For verbs that can go through a server's API.
struct ServerOptions: ParsableArguments, Sendable {
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

    /// The server that the environment names.
    static var fromEnvironment: String? {
        let url = ProcessInfo.processInfo.environment["VIRIDIAN_SERVER"]
        return url?.isEmpty == false ? url : nil
    }

    /// The server that is meant; `nil` for the engine in this process.
    var url: String? { server.flatMap { $0.isEmpty ? nil : $0 } ?? ServerOptions.fromEnvironment }
}

/// The configuration, or a server that has read it: for verbs that do the same either way.
struct GlobalOptions: ParsableArguments, Sendable {
    @OptionGroup var configuration: ConfigurationOptions
    @OptionGroup var remoteOptions: ServerOptions

    var config: String? { configuration.config }

    /// The server to talk to; `nil` for the engine in this process.
    func remote() throws -> RemoteServer? {
        guard let url = remoteOptions.url else { return nil }
        let given = remoteOptions.token ?? ProcessInfo.processInfo.environment["VIRIDIAN_TOKEN"]
        guard let token = given, !token.isEmpty else {
            throw Refusal("\(url) needs an access token: --token, or $VIRIDIAN_TOKEN")
        }
        return try RemoteServer(url.hasSuffix("/") ? String(url.dropLast()) : url, token: token)
    }

    /// What goes on when the verb is stopped.
    var isRemote: Bool { remoteOptions.url != nil }
}

/// The configuration on this machine, for verbs that cannot go through a server.
struct LocalOptions: ParsableArguments, Sendable {
    @OptionGroup var configuration: ConfigurationOptions
    /// Known so that they can be refused with the reason.
    @OptionGroup(visibility: .hidden) var refused: ServerOptions

    var config: String? { configuration.config }

    /// Refuses a server. Only what was written with the verb itself counts: the environment may be set for other verbs.
    func refuseServer(_ verb: String, _ why: String) throws {
        guard let option = refused.server != nil ? "--server" : refused.token != nil ? "--token" : nil else { return }
        throw ValidationError("viridian \(verb) takes no \(option): \(why)")
    }
}

enum OutputFormat: String, ExpressibleByArgument, CaseIterable, Sendable {
    case text
    case json
}

struct OutputOptions: ParsableArguments, Sendable {
    @Option(name: [.short, .long], help: "text, or json: one object, or one object a line.")
    var output: OutputFormat = .text
}

/// Who runs the command, for the record: `$VIRIDIAN_USER` where CI acts for a person, or the login name. What would command a
/// terminal is not in it: CI may fill the variable with whatever an author calls themselves.
func caller(_ environment: [String: String] = ProcessInfo.processInfo.environment) -> String {
    let named = [environment["VIRIDIAN_USER"], environment["SUDO_USER"]].compactMap(\.self).first { !$0.isEmpty }
    let name = String((named ?? NSUserName()).prefix(100))
    return (try? Reason(name).text) ?? "unknown"
}
