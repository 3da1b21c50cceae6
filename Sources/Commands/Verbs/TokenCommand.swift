import ArgumentParser
import Controller
import Journal
import ReleaseMachine
import Server
import ViridianConfiguration

struct TokenCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "token",
        abstract: "Manage access tokens for the server.",
        discussion: """
            Roles: a viewer can read everything; a deployer can also release, promote, abort, roll back and repair; an admin can also \
            create and revoke tokens. Without --server, the command writes to the journal of the configuration: this is how the first \
            token is created.
            """,
        subcommands: [TokenCreateCommand.self, TokenListCommand.self, TokenRevokeCommand.self]
    )
}

struct TokenCreateCommand: Verb {
    static let configuration = CommandConfiguration(
        commandName: "create",
        abstract: "Create a token. It is shown once; only its hash is stored."
    )

    @Option(help: "viewer, deployer or admin.", completion: .list(Role.allCases.map(\.rawValue))) var role: String =
        "viewer"
    @Option(help: "Who or what uses the token, as shown in releases and the audit log.") var name: String?
    @Option(help: "An app that the token is limited to; may be given several times. Default: all apps.") var app:
        [String] = []
    @Option(help: "How long the token is valid, such as 90d or 12h. Default: until it is revoked.") var expires: String?
    @OptionGroup var output: OutputOptions
    @OptionGroup var global: GlobalOptions

    func validate() throws {
        guard Role(rawValue: role) != nil else {
            throw ValidationError("--role takes viewer, deployer or admin, not \(role.safe)")
        }
    }

    private struct Answer: Encodable {
        var id: String
        var token: String
        var role: String
        var name: String
        var apps: [String]?
        var expiresAt: String?
    }

    func perform() async throws -> ExitStatus {
        guard let role = Role(rawValue: role) else { throw Refusal("unknown role \(role)") }
        let wanted = NewToken(
            name: try TokenName(name ?? caller()).text, role: role, apps: app.isEmpty ? nil : app,
            life: try expires.map { try TokenLife($0).length })
        return try await global.withReleaseClient(connecting: false) { client in
            let made = try await client.createToken(wanted, by: caller())
            let token = made.token ?? ""
            if output.output == .json {
                let answer = Answer(
                    id: made.id, token: token, role: made.role.rawValue, name: made.name, apps: made.apps,
                    expiresAt: made.expiresAt)
                printLine(try answer.jsonLine())
                return .done
            }
            let scope = made.apps.map { " for \($0.joined(separator: ", "))" } ?? ""
            let end = made.expiresAt.map { " until \($0)" } ?? ""
            printLine(token)
            printError(
                "\(made.id): \(made.role.rawValue)\(scope)\(end), for \(made.name). The token is not shown again.")
            return .done
        }
    }
}

/// How long a token is valid: a duration as in the configuration, of at most ten years.
struct TokenLife {
    var length: Duration

    init(_ text: String) throws {
        let expected = "--expires takes a duration such as 12h or 90d, at most 3650d"
        guard let length = Duration(text: text, atMost: .seconds(3650 * 86_400)), length > .zero else {
            throw Refusal("\(expected), not \(text.safe)")
        }
        self.length = length
    }
}

struct TokenListCommand: Verb {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List the tokens, without their secrets.")

    @OptionGroup var output: OutputOptions
    @OptionGroup var global: GlobalOptions

    func perform() async throws -> ExitStatus {
        try await global.withReleaseClient(connecting: false, for: .reading) { client in
            let tokens = try await client.tokens()
            if output.output == .json {
                for token in tokens { printLine(try token.jsonLine()) }
                return .done
            }
            guard !tokens.isEmpty else {
                printLine("no token exists yet: viridian token create --role admin")
                return .done
            }
            let rows = tokens.map { token in
                [
                    token.id, token.name, token.role.rawValue, token.apps?.joined(separator: ",") ?? "all",
                    token.state.rawValue, token.usedAt ?? "never", token.expiresAt ?? "-", token.createdAt,
                ]
            }
            let header = ["ID", "NAME", "ROLE", "APPS", "STATE", "LAST USED", "EXPIRES", "CREATED"]
            for line in Table(header, rows).lines { printLine(line) }
            return .done
        }
    }
}

struct TokenRevokeCommand: Verb {
    static let configuration = CommandConfiguration(
        commandName: "revoke", abstract: "Revoke a token and end the sessions opened with it.")

    @Argument(help: "The token's id, as shown by token list.") var id: String
    @OptionGroup var global: GlobalOptions

    func perform() async throws -> ExitStatus {
        try await global.withReleaseClient(connecting: false) { client in
            try await client.revokeToken(id, by: caller())
            printLine("\(id) is revoked")
            return .done
        }
    }
}
