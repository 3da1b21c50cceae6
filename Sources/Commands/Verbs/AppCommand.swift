import ArgumentParser
import Controller
import Foundation
import Scaffold
import TextTemplates
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
            Writes apps/NAME.yaml next to viridian.yaml. Blue's port ends in 0 and green's in 1; the first pair is 30000 and 30001.
            Existing files are not changed.
            """
    )

    @Argument(help: "The app.") var name: String
    @Option(help: "The image, without a tag. Default: NAME in the registry of the first app.") var image: String?
    @Option(help: "The port that the app's container listens on.") var containerPort: Int = 9000
    @Option(name: .long, help: "A host name of the app; may be given several times.") var host: [String] = []
    @OptionGroup var local: LocalOptions

    func validate() throws {
        try local.refuseServer("app add", "it writes a file on this machine")
    }

    func perform() async throws -> ExitStatus {
        let name: AppName
        do { name = try AppName(self.name) } catch { throw Refusal("\(error)") }
        let main = try ConfigurationFile.locate(explicit: local.config)
        let configuration = try Configuration.load(file: main)
        guard !configuration.apps.contains(where: { $0.name == name }) else {
            throw Refusal("app \(name) exists already")
        }
        let ports = try PortPlan.next(after: configuration.apps)
        let registry = configuration.apps.first?.image.registry ?? "registry.local:5000"
        let text = AppFile(
            name: name.text, image: image ?? "\(registry)/\(name)", container: containerPort, blue: ports.blue,
            green: ports.green, hosts: host
        ).text
        let path = URL(fileURLWithPath: main).deletingLastPathComponent().appending(path: "apps/\(name).yaml").path
        guard try NewFile.write(text, to: path) else {
            throw Refusal("\(path) exists already and was not changed; does `apps` in \(main) include it?")
        }
        do {
            let written = try Configuration.load(file: main)
            guard written.apps.contains(where: { $0.name == name }) else {
                throw Refusal("`apps` in \(main) does not include apps/\(name).yaml; `apps: apps/*.yaml` does")
            }
        } catch {
            // The file would make the configuration invalid, or would not be read.
            try? FileManager.default.removeItem(atPath: path)
            throw Refusal("\(name) was not added: \(error)")
        }
        printLine("\(path): written, on ports \(ports.blue) (blue) and \(ports.green) (green)")
        printLine("Next: viridian render kubernetes \(name) | kubectl apply -f -")
        printLine("      viridian render nginx \(name)        (for the nodes)")
        return .done
    }
}
