import ArgumentParser
import Foundation

/// What the parser knows of a command, as `viridian --experimental-dump-help` prints it. Only what completion needs.
struct CommandDescription: Decodable, Sendable {
    var commandName: String
    var abstract: String?
    var aliases: [String]?
    var shouldDisplay: Bool
    var subcommands: [CommandDescription]?
    var arguments: [Argument]?

    struct Argument: Decodable, Sendable {
        var kind: Kind
        var shouldDisplay: Bool
        var names: [Name]?
        var preferredName: Name?
        var abstract: String?
        var isRepeating: Bool
        var allValues: [String]?
        var completionKind: Completion?

        enum Kind: String, Decodable, Sendable { case positional, option, flag }
    }

    struct Name: Decodable, Sendable, Hashable {
        var kind: String
        var name: String

        /// `--output`, `-o`.
        var spelled: String { (kind == "long" ? "--" : "-") + name }
    }

    /// How its value is completed; the one that is not `nil`.
    struct Completion: Decodable, Sendable {
        var list: Values?
        var file: Nothing?
        var directory: Nothing?
        var custom: Nothing?

        struct Values: Decodable, Sendable { var values: [String] }
        struct Nothing: Decodable, Sendable {}
    }

    /// The whole program.
    static func all() throws -> CommandDescription {
        struct Dump: Decodable { var command: CommandDescription }
        return try JSONDecoder().decode(Dump.self, from: Data(Viridian._dumpHelp().utf8)).command
    }

    /// The verb of this name, also if it is not shown.
    func subcommand(_ name: String) -> CommandDescription? {
        subcommands?.first { $0.commandName == name || $0.aliases?.contains(name) == true }
    }

    /// The option that is spelled so.
    func option(_ spelled: String) -> Argument? {
        arguments?.first { $0.names?.contains { $0.spelled == spelled } == true }
    }
}
