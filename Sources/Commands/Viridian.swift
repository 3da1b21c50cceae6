import ArgumentParser

/// The command line.
public struct Viridian: AsyncParsableCommand {
    /// Its verbs, in groups.
    public static let configuration = CommandConfiguration(
        commandName: "viridian",
        abstract:
            "Releases versions of apps on Kubernetes blue/green, behind nginx on every node, and drops no request.",
        discussion: """
            --config, --server, --token and -o may stand before the verb too. Shell completions: viridian completions bash, zsh or fish.
            """,
        groupedSubcommands: [
            CommandGroup(
                name: "Release",
                subcommands: [
                    DeployCommand.self, PromoteCommand.self, AbortCommand.self, RollbackCommand.self,
                    RepairCommand.self,
                ]
            ),
            CommandGroup(
                name: "Status",
                subcommands: [
                    StatusCommand.self, ReleasesCommand.self, ShowCommand.self, LogsCommand.self, NodesCommand.self,
                    CheckCommand.self,
                ]
            ),
            CommandGroup(name: "Server", subcommands: [ServeCommand.self, TokenCommand.self, AuditCommand.self]),
            CommandGroup(
                name: "Setup",
                subcommands: [
                    InitCommand.self, AppCommand.self, RenderCommand.self, DemoCommand.self, SandboxCommand.self,
                ]
            ),
            CommandGroup(name: "Program", subcommands: [VersionCommand.self, CompletionsCommand.self]),
            CommandGroup(name: "Internal", subcommands: [SampleAppCommand.self, BenchFleetCommand.self]),
        ]
    )

    /// The version of this program. Not the configuration's `version`: that makes `--version` an option of every verb, and one that wins
    /// over the verb's own.
    static let version = "0.1.0"

    /// A value of it does nothing but show the help.
    public init() {}

    /// What the executable runs: the verb that the words name, whose status ends the process.
    public static func start(_ words: [String] = Array(CommandLine.arguments.dropFirst())) async {
        let ordered: [String]
        do {
            ordered = try CommandLineWords(words).ordered
        } catch {
            exit(withError: error)
        }
        await main(ordered)
    }
}
