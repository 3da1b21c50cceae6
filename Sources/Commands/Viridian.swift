import ArgumentParser

/// The command line.
public struct Viridian: AsyncParsableCommand {
    /// Its verbs, in groups.
    public static let configuration = CommandConfiguration(
        commandName: "viridian",
        abstract:
            "Releases versions of apps on Kubernetes blue/green, behind nginx on every node, and drops no request.",
        version: "0.1.0",
        groupedSubcommands: [
            CommandGroup(
                name: "Release",
                subcommands: [
                    DeployCommand.self, PromoteCommand.self, AbortCommand.self, RollbackCommand.self,
                    RepairCommand.self,
                ]
            ),
            CommandGroup(
                name: "Look",
                subcommands: [
                    StatusCommand.self, ReleasesCommand.self, ShowCommand.self, LogsCommand.self, NodesCommand.self,
                    CheckCommand.self,
                ]
            ),
            CommandGroup(name: "Serve", subcommands: [ServeCommand.self, TokenCommand.self, AuditCommand.self]),
            CommandGroup(
                name: "Begin",
                subcommands: [
                    InitCommand.self, AppCommand.self, RenderCommand.self, DemoCommand.self, SandboxCommand.self,
                ]
            ),
            CommandGroup(name: "Inside", subcommands: [SampleAppCommand.self, BenchFleetCommand.self]),
        ]
    )

    /// What the executable runs.
    public init() {}
}
