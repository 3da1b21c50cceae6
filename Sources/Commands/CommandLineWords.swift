import ArgumentParser
import Controller
import ViridianConfiguration

/// The words of a command line in the order that the parser takes: the verb first.
///
/// The parser hands an option that stands before the verb to the root command, which has none, and never looks for the verb behind it.
/// The options that every verb has may stand there all the same: they are moved behind it.
struct CommandLineWords {
    /// What the parser is to be given.
    private(set) var ordered: [String]

    /// The options that may stand before the verb; each takes a value.
    private static let common = ["--config", "--server", "--token", "--output", "-o"]

    /// - Throws: a usage error where the words before the verb are neither.
    init(_ words: [String], of root: any ParsableCommand.Type = Viridian.self) throws(ValidationError) {
        var rest = words[...]
        var verb: [String] = []
        var options: [String] = []
        var choices = Choice.all(of: root)
        while true {
            while let option = Self.option(&rest) { options += option }
            guard let word = rest.first, !word.hasPrefix("-"), !choices.isEmpty else { break }
            guard let next = Choice.named(word, in: choices) else {
                // The parser has a help verb of its own.
                if word == "help", verb.isEmpty { break }
                throw Self.noVerb(word, after: verb, choices)
            }
            verb.append(word)
            rest.removeFirst()
            choices = Choice.all(of: next.command)
        }
        if verb.isEmpty, rest.first == "--version" {
            guard rest.count == 1 else {
                throw ValidationError(
                    "--version stands behind the verb: viridian deploy APP --version V. "
                        + "On its own it prints the version of viridian.")
            }
            (verb, rest) = (["version"], [])
        }
        if verb.isEmpty, !options.isEmpty, rest.isEmpty {
            throw ValidationError("there is no verb behind \(options[0]): viridian --help lists them")
        }
        ordered = verb + options + rest
    }

    /// Takes an option that every verb has, with its value, from the front.
    private static func option(_ words: inout ArraySlice<String>) -> [String]? {
        guard let word = words.first else { return nil }
        if common.contains(word) {
            let taken = words.prefix(2)
            words = words.dropFirst(2)
            return Array(taken)
        }
        guard common.contains(where: { word.hasPrefix($0 + "=") }) else { return nil }
        return [words.removeFirst()]
    }

    private static func noVerb(_ word: String, after verb: [String], _ choices: [Choice]) -> ValidationError {
        let known = choices.filter(\.isShown).flatMap(\.names)
        let path = (["viridian"] + verb).joined(separator: " ")
        let hint = Suggestion.nearest(to: word, among: known).map { "; did you mean \($0)?" } ?? "."
        return ValidationError("there is no \(path) \(word.safe)\(hint) \(path) --help lists what there is")
    }
}

/// A verb that may come next.
private struct Choice {
    var command: any ParsableCommand.Type
    /// What it is called, aliases included.
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
