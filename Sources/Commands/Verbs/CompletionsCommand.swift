import ArgumentParser

struct CompletionsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "completions",
        abstract: "Print a shell completion script for verbs, options and app names.",
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

    func validate() throws {
        guard ProgramName.current == .kubectlPlugin else { return }
        throw ValidationError(
            "kubectl completes `kubectl viridian` itself, with \(ProgramName.kubectlCompletion.rawValue) on PATH; "
                + "for viridian: viridian completions \(shell.rawValue)")
    }

    func run() throws {
        printText(Viridian.completionScript(for: shell.completed))
        try StandardOutput.check()
    }
}
