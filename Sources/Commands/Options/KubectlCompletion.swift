import ArgumentParser

/// What may come next on a command line, as kubectl asks a plugin: it runs `kubectl_complete-viridian` with the words after
/// `kubectl viridian`, of which the last, perhaps empty, is to be completed. The answer is a line a word, a tab before what it means, and
/// at the end a number that says what the shell may do; the protocol is that of cobra's `__complete`.
struct KubectlCompletion {
    /// What may stand in the place of the last word.
    private(set) var candidates: [Candidate] = []
    /// The shell may complete names of files.
    private(set) var completesFiles = false

    struct Candidate: Hashable {
        var word: String
        var meaning = ""
    }

    /// The answer, without the last line's end.
    var text: String {
        let lines = candidates.map { $0.meaning.isEmpty ? $0.word : "\($0.word)\t\($0.meaning)" }
        // ShellCompDirectiveDefault, and ShellCompDirectiveNoFileComp; https://pkg.go.dev/github.com/spf13/cobra#ShellCompDirective
        return (lines + [completesFiles ? ":0" : ":4"]).joined(separator: "\n")
    }

    init(_ words: [String], of program: CommandDescription) {
        let typed = words.last ?? ""
        var command = program
        var verb: [String] = []
        var positionals = 0
        var open: CommandDescription.Argument?
        var isOver = false
        for word in words.dropLast() {
            if open != nil {
                open = nil
            } else if word == "--", !isOver {
                isOver = true
            } else if word.hasPrefix("-"), !isOver {
                open = Self.option(word, of: command, in: program).flatMap { $0.kind == .option ? $0 : nil }
            } else if positionals == 0, let next = command.subcommand(word) {
                command = next
                verb.append(next.commandName)
            } else {
                positionals += 1
            }
        }

        let place = Place(words: words, verb: verb, typed: typed)
        if let open {
            complete(open, named: open.preferredName?.spelled ?? "", at: place)
        } else if typed.hasPrefix("-"), !isOver {
            if let equals = typed.firstIndex(of: "=") {
                let name = String(typed[..<equals])
                guard let option = Self.option(name, of: command, in: program) else { return }
                complete(option, named: name, at: place, after: name + "=")
            } else {
                offerOptions(of: command, startingWith: typed)
            }
        } else if let inner = command.subcommands, !inner.isEmpty {
            for each in inner where each.shouldDisplay { offer(each.commandName, each.abstract, startingWith: typed) }
        } else {
            let all = command.arguments?.filter { $0.kind == .positional } ?? []
            let index = positionals < all.count || all.last?.isRepeating != true ? positionals : all.count - 1
            guard all.indices.contains(index) else { return }
            complete(all[index], named: "positional@\(index)", at: place)
        }
    }

    /// Options that every verb has may precede the verb.
    private static func option(
        _ spelled: String, of command: CommandDescription, in program: CommandDescription
    ) -> CommandDescription.Argument? {
        command.option(spelled) ?? program.subcommand("status")?.option(spelled)
    }

    /// Where on the command line the word stands.
    private struct Place {
        var words: [String]
        var verb: [String]
        var typed: String
    }

    private mutating func offer(_ word: String, _ meaning: String? = nil, startingWith typed: String) {
        guard word.hasPrefix(typed) else { return }
        let line = meaning?.split(whereSeparator: \.isWhitespace).joined(separator: " ") ?? ""
        candidates.append(Candidate(word: word, meaning: line))
    }

    private mutating func offerOptions(of command: CommandDescription, startingWith typed: String) {
        for argument in command.arguments ?? [] where argument.shouldDisplay {
            for name in argument.names ?? [] where typed.hasPrefix("--") || name.kind == "long" || typed == name.spelled
            {
                offer(name.spelled, argument.abstract, startingWith: typed)
            }
        }
    }

    /// Values of an argument; `prefix` is what stands before the value in the same word: `--output=`.
    private mutating func complete(
        _ argument: CommandDescription.Argument, named name: String, at place: Place, after prefix: String = ""
    ) {
        let completion = argument.completionKind
        if completion?.file != nil || completion?.directory != nil {
            completesFiles = true
        } else if completion?.custom != nil {
            for value in Self.names(for: name, at: place) { offer(prefix + value, startingWith: place.typed) }
        } else {
            for value in completion?.list?.values ?? argument.allValues ?? [] {
                offer(prefix + value, startingWith: place.typed)
            }
        }
    }

    /// What the argument's own function answers. The parser calls it as it does for the shells' scripts, and throws the answer.
    private static func names(for argument: String, at place: Place) -> [String] {
        let position = [argument, String(place.words.count), String(place.typed.count)]
        do {
            _ = try Viridian.parseAsRoot(
                ["---completion"] + place.verb + ["--"] + position + ["viridian"] + place.words)
            return []
        } catch {
            guard Viridian.exitCode(for: error) == .success else { return [] }
            return Viridian.message(for: error).split(separator: "\n").map(String.init)
        }
    }
}
