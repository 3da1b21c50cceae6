import ArgumentParser

/// The command line.
public struct Viridian: AsyncParsableCommand {
    /// Its verbs, in groups.
    public static let configuration = CommandConfiguration(
        commandName: ProgramName.current.typed,
        abstract:
            "Blue/green releases of apps on Kubernetes, behind nginx on every node, without a dropped request.",
        discussion: """
            --config, --server, --token and -o may also precede the verb. Shell completions: viridian completions bash, zsh or fish.
            """,
        groupedSubcommands: [
            CommandGroup(
                name: "Release",
                subcommands: [
                    DeployCommand.self, PromoteCommand.self, AbortCommand.self, RollbackCommand.self,
                    RepairCommand.self, LockCommand.self, UnlockCommand.self,
                ]
            ),
            CommandGroup(
                name: "Status",
                subcommands: [
                    StatusCommand.self, ReleasesCommand.self, ShowCommand.self, LogsCommand.self, NodesCommand.self,
                    CheckCommand.self, VersionsCommand.self, QueueCommand.self,
                ]
            ),
            CommandGroup(
                name: "Server",
                subcommands: [
                    ServeCommand.self, TokenCommand.self, AuditCommand.self, NotifyCommand.self, JournalCommand.self,
                ]),
            CommandGroup(
                name: "Setup",
                subcommands: [
                    InitCommand.self, AppCommand.self, AdoptCommand.self, RenderCommand.self, DemoCommand.self,
                    SandboxCommand.self,
                ]
            ),
            CommandGroup(name: "Program", subcommands: [VersionCommand.self, CompletionsCommand.self]),
            CommandGroup(
                name: "Internal",
                subcommands: [
                    SampleAppCommand.self, BenchFleetCommand.self, BenchJournalCommand.self, BenchHistoryCommand.self,
                ]),
        ]
    )

    /// The version of this program. It is not set as `CommandConfiguration.version`, which would add a `--version` to every verb that
    /// takes precedence over the verb's own.
    static let version = "0.1.0"

    /// Prints the help when run without a verb.
    public init() {}

    /// The entry point of the executable: runs the verb named in the arguments and exits with its status.
    public static func start(_ arguments: [String] = Array(CommandLine.arguments.dropFirst())) async {
        StandardOutput.occupyClosedStreams()
        if ProgramName.current == .kubectlCompletion {
            guard let program = try? CommandDescription.all() else { exit(withError: ExitCode.failure) }
            printText(KubectlCompletion(arguments, of: program).text + "\n")
            return
        }
        let ordered: [String]
        do {
            ordered = try ArgumentOrder(arguments).ordered
        } catch {
            exit(withError: error)
        }
        await main(ordered)
    }
}
