import ArgumentParser
import Controller
import Foundation
import ViridianConfiguration

/// The options of verbs that read the configuration on this machine.
struct ConfigurationOptions: ParsableArguments, Sendable {
    @Option(
        name: .long,
        help: ArgumentHelp(
            "The configuration file.",
            discussion: "Default: $VIRIDIAN_CONFIG, ./viridian.yaml, /etc/viridian/viridian.yaml.",
            valueName: "file"
        ),
        completion: .file(extensions: ["yaml", "yml"])
    )
    var config: String?
}

/// The options of verbs that can use a server's API.
struct ServerOptions: ParsableArguments, Sendable {
    @Option(
        name: .long,
        help: ArgumentHelp(
            "A viridian server whose API executes the verb.",
            discussion: "Default: $VIRIDIAN_SERVER.", valueName: "url")
    )
    var server: String?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "An access token for the server.",
            discussion: "Default: $VIRIDIAN_TOKEN, which other users of this machine cannot see.", valueName: "token")
    )
    var token: String?

    /// The value of `$VIRIDIAN_SERVER`; `nil` if empty.
    static var fromEnvironment: String? {
        let url = ProcessInfo.processInfo.environment["VIRIDIAN_SERVER"]
        return url?.isEmpty == false ? url : nil
    }

    /// The server to use; `nil` for the engine in this process.
    var url: String? { server.flatMap { $0.isEmpty ? nil : $0 } ?? ServerOptions.fromEnvironment }
}

/// The options of verbs that work with a local configuration or through a server.
struct GlobalOptions: ParsableArguments, Sendable {
    @OptionGroup var configuration: ConfigurationOptions
    @OptionGroup var remoteOptions: ServerOptions

    var config: String? { configuration.config }

    /// The server's API; `nil` for the engine in this process.
    func remote() throws -> APIClient? {
        guard let url = remoteOptions.url else { return nil }
        let given = remoteOptions.token ?? ProcessInfo.processInfo.environment["VIRIDIAN_TOKEN"]
        guard let token = given, !token.isEmpty else {
            throw Refusal("\(url) requires an access token: set --token or $VIRIDIAN_TOKEN")
        }
        return try APIClient(url.hasSuffix("/") ? String(url.dropLast()) : url, token: token)
    }

    /// Whether a server runs the release, so that it continues when the verb is stopped.
    var isRemote: Bool { remoteOptions.url != nil }
}

/// The options of verbs that need the configuration on this machine and cannot use a server.
struct LocalOptions: ParsableArguments, Sendable {
    @OptionGroup var configuration: ConfigurationOptions
    /// Parsed so that they can be refused with the reason.
    @OptionGroup(visibility: .hidden) var refused: ServerOptions

    var config: String? { configuration.config }

    /// Refuses `--server` and `--token`. The environment variables are ignored: they may be set for other verbs.
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
    @Option(name: [.short, .long], help: "The output format: text, or json (one object, or one object a line).")
    var output: OutputFormat = .text
}

/// The user recorded in the audit log: `$VIRIDIAN_USER`, which CI sets for a person, then `$SUDO_USER`, then the login name. Control
/// characters are removed: CI may fill the variable with any author's name.
func caller(_ environment: [String: String] = ProcessInfo.processInfo.environment) -> String {
    let named = [environment["VIRIDIAN_USER"], environment["SUDO_USER"]].compactMap(\.self).first { !$0.isEmpty }
    let name = String((named ?? NSUserName()).prefix(100))
    return (try? Reason(name).text) ?? "unknown"
}
