import ArgumentParser

struct VersionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "version", abstract: "The version of this program.")

    func run() { say(Viridian.version) }
}

struct CompletionsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "completions",
        abstract: "A script that completes verbs, options and apps' names in a shell.",
        discussion: """
            bash:  viridian completions bash > /etc/bash_completion.d/viridian
            zsh:   viridian completions zsh > ~/.zfunc/_viridian, with that folder in fpath
            fish:  viridian completions fish > ~/.config/fish/completions/viridian.fish
            """
    )

    enum Shell: String, ExpressibleByArgument, CaseIterable {
        case bash
        case zsh
        case fish

        var completed: CompletionShell {
            switch self {
            case .bash: .bash
            case .zsh: .zsh
            case .fish: .fish
            }
        }
    }

    @Argument(help: "The shell.") var shell: Shell

    func run() { put(Viridian.completionScript(for: shell.completed)) }
}
