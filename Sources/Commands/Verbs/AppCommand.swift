import ArgumentParser
import Controller
import Foundation
import Scaffold
import ViridianConfiguration

struct AppCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "app",
        abstract: "Configure apps.",
        subcommands: [AppAddCommand.self]
    )
}

struct AppAddCommand: Verb {
    static let configuration = CommandConfiguration(
        commandName: "add",
        abstract: "Add an app on the next free pair of ports.",
        discussion: """
            Writes apps/NAME.yaml and the pod template NAME-pod.yaml next to viridian.yaml. Blue's port ends in 0 and green's in 1; the \
            first pair is 30000 and 30001. A pair is free if no app of the cluster has one of its ports, and no service there, \
            where the cluster can be asked: that needs the right to list services in all namespaces. Services of this app that exist \
            already keep their ports. Existing files are not changed.
            """
    )

    @Argument(help: "The app.") var name: String
    @OptionGroup var app: AppOptions
    @OptionGroup var cluster: ClusterOption
    @Option(
        help: ArgumentHelp("An existing pod template. Default: NAME-pod.yaml, which is written.", valueName: "file"),
        completion: .file(extensions: ["yaml", "yml"]))
    var template: String?
    @OptionGroup var local: LocalOptions

    func validate() throws {
        try local.refuseServer("app add", "it writes a file on this machine")
    }

    func perform() async throws -> ExitStatus {
        let name: AppName
        do { name = try AppName(self.name) } catch { throw Refusal("\(error)") }
        let main = try ConfigurationFile.locate(explicit: local.config)
        let configuration = try Configuration.load(file: main)
        let cluster = try cluster.forNewApp(name, in: configuration)
        let values = try await AddedApp(
            name: name, cluster: cluster.name, main: main, options: app, template: template)
        try values.check(configuration)
        let services = await servicesInCluster(cluster)
        let added = try ConfigurationLock.held(main) { try values.add(services) }
        for line in added.lines { printLine(line) }
        let next = NextCommands(file: local.config ?? main, app: name.text, cluster: cluster)
        printLine("Next:")
        for line in next.lines { printLine("  \(line)") }
        return .done
    }

    /// What is in use there; nothing where the cluster cannot be asked, which is said.
    private func servicesInCluster(_ cluster: ClusterConfiguration) async -> PortsInUse {
        do {
            return try await PortsInUse.read(cluster)
        } catch {
            let why = "\(error)".split(whereSeparator: \.isNewline).joined(separator: "; ")
            printError("viridian: ports are checked against the configuration alone: \(why)")
            return PortsInUse()
        }
    }
}
