import ArgumentParser
import Controller
import ViridianConfiguration

/// The arguments of a command line, with the options before the verb moved behind it.
///
/// The parser passes an option before the verb to the root command, which has none, and then does not find the verb. The options that
/// every verb has may be there, so they are moved.
struct ArgumentOrder {
    /// The arguments for the parser.
    private(set) var ordered: [String]

    /// The options that may precede the verb; each takes a value.
    private static let common = ["--config", "--server", "--token", "--output", "-o"]

    /// - Throws: a usage error if the verb is unknown or missing.
    init(_ arguments: [String], of root: any ParsableCommand.Type = Viridian.self) throws(ValidationError) {
        var rest = arguments[...]
        var verb: [String] = []
        var options: [String] = []
        var choices = Choice.all(of: root)
        while true {
            while let option = Self.option(&rest) { options += option }
            guard let word = rest.first, !word.hasPrefix("-"), !choices.isEmpty else { break }
            guard let next = Choice.named(word, in: choices) else {
                // The parser's own help verb.
                if word == "help", verb.isEmpty { break }
                throw Self.unknownVerb(word, after: verb, choices)
            }
            verb.append(word)
            rest.removeFirst()
            choices = Choice.all(of: next.command)
        }
        if verb.isEmpty, rest.first == "--version" {
            guard rest.count == 1 else {
                throw ValidationError(
                    "--version belongs after the verb: viridian deploy APP --version V. "
                        + "On its own it prints the version of viridian.")
            }
            (verb, rest) = (["version"], [])
        }
        if verb.isEmpty, !options.isEmpty, rest.isEmpty {
            throw ValidationError("there is no verb after \(options[0]): viridian --help lists the verbs")
        }
        ordered = verb + options + rest
    }

    /// Removes an option that every verb has, with its value, from the front.
    private static func option(_ arguments: inout ArraySlice<String>) -> [String]? {
        guard let first = arguments.first else { return nil }
        if common.contains(first) {
            let option = arguments.prefix(2)
            arguments = arguments.dropFirst(2)
            return Array(option)
        }
        guard common.contains(where: { first.hasPrefix($0 + "=") }) else { return nil }
        return [arguments.removeFirst()]
    }

    private static func unknownVerb(_ word: String, after verb: [String], _ choices: [Choice]) -> ValidationError {
        let known = choices.filter(\.isShown).flatMap(\.names)
        let path = ([ProgramName.current.typed] + verb).joined(separator: " ")
        let hint = Suggestion.nearest(to: word, among: known).map { "; did you mean \($0)?" } ?? "."
        return ValidationError("there is no \(path) \(word.safe)\(hint) \(path) --help lists the verbs")
    }
}

/// A verb that may come next.
private struct Choice {
    var command: any ParsableCommand.Type
    /// Its name and aliases.
    var names: [String]
    var isShown: Bool

    static func all(of parent: any ParsableCommand.Type) -> [Choice] {
        parent.configuration.subcommands.map { command in
            let configuration = command.configuration
            return Choice(
                command: command, names: [command._commandName] + configuration.aliases,
                isShown: configuration.shouldDisplay)
        }
    }

    static func named(_ word: String, in choices: [Choice]) -> Choice? {
        choices.first { $0.names.contains(word) }
    }
}
