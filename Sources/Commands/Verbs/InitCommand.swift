import ArgumentParser
import Controller
import Foundation
import Scaffold
import ViridianConfiguration

struct InitCommand: Verb {
    static let configuration = CommandConfiguration(
        commandName: "init",
        abstract: "Write a first configuration, with an app and what its image is built from.",
        discussion: """
            Writes viridian.yaml, apps/APP.yaml, the pod template APP-pod.yaml, and what `viridian render dockerfile` and \
            `viridian render compose` write: a Dockerfile and a compose.yaml for the app's sources. Existing files are not changed.

            On a terminal it asks for what no option says; an empty answer is the value in brackets. Ctrl-C and Ctrl-D end the \
            questions, and nothing is written. Without a terminal it asks nothing.
            """
    )

    @Argument(help: "The folder.", completion: .directory) var directory: String = "."
    @Option(name: .customLong("app"), help: ArgumentHelp("The first app. Default: blog.", valueName: "name"))
    var appName: String?
    @OptionGroup var app: AppOptions
    @OptionGroup var nodes: NodeOptions
    @Flag(help: "Only viridian.yaml, the app's file and its pod template, no Dockerfile and no compose.yaml.")
    var configurationOnly = false

    var interruptionMessage: [String] { ["", "viridian: nothing was written"] }

    func perform() async throws -> ExitStatus {
        let folder = try StartingFolder(directory)
        let interview = Interview.onTerminal()
        let chosen = try await chooseApp(folder, interview)
        let machines = folder.configuration == nil ? try await nodes.nodes(asking: interview) : nil

        if case .new(let app) = chosen { try write(app.podTemplate) }
        try write((machines.map(StartingConfiguration.init) ?? StartingConfiguration(.local)).file)
        if case .new(let app) = chosen { try write(app.file) }
        // What was written, with what was there: valid, or said why not.
        let configuration = try Configuration.load(file: folder.configurationFile)
        if case .existing(let name) = chosen { report(try configuration.app(name), in: folder) }
        if let name = chosen.name, !configurationOnly {
            let apps = [try configuration.app(name)]
            for what in [Rendering.dockerfile, .compose] {
                for file in try what.files(configuration, apps: apps) { try write(file) }
            }
        }
        let next = NextCommands(file: path(ConfigurationFile.name), app: nil, cluster: configuration.clusters[0])
        printLine("Next:")
        for line in next.lines { printLine("  \(line)") }
        return .done
    }

    private enum Chosen {
        case new(StartingApp)
        case existing(String)
        /// The folder has apps, and none was named.
        case none

        var name: String? {
            switch self {
            case .new(let app): app.name.text
            case .existing(let name): name
            case .none: nil
            }
        }
    }

    private func chooseApp(_ folder: StartingFolder, _ interview: Interview?) async throws -> Chosen {
        let given = SetupValue(option: "--app", given: appName)
        let read = { (text: String) throws(InvalidValue) -> AppName in try AppName(text) }
        guard folder.apps.isEmpty else {
            // No second app beside existing ones: it would claim ports.
            let name = appName == nil ? folder.apps.contains("blog") ? "blog" : nil : try given.checked(read).text
            guard let name = name ?? (folder.apps.count == 1 ? folder.apps[0] : nil) else { return .none }
            guard folder.apps.contains(name) else {
                let config = ShellWord.path(path(ConfigurationFile.name))
                throw Refusal(
                    "\(directory) has apps already (\(folder.apps.joined(separator: ", "))): "
                        + "`viridian app add \(name) --config \(config)` adds one")
            }
            return .existing(name)
        }
        let name = try await given.resolve("The app's name", suggestion: "blog", interview, read: read)
        let ports = try PortPlan.next()
        return .new(try await app.app(name, ports: ports, registry: "registry.local:5000", asking: interview))
    }

    /// The lines for an app that was there.
    private func report(_ app: AppConfiguration, in folder: StartingFolder) {
        printLine("\(path("apps/\(app.name).yaml")): exists, not changed")
        let template = path(StartingApp.templateName(app.name))
        if FileManager.default.fileExists(atPath: template) { printLine("\(template): exists, not changed") }
    }

    private func path(_ name: String) -> String { directory.hasSuffix("/") ? directory + name : "\(directory)/\(name)" }

    private func write(_ file: RenderedFile) throws {
        let path = path(file.path)
        printLine(
            "\(path): \(try NewFile.write(file.text, to: path, mode: file.mode) ? "written" : "exists, not changed")")
    }
}

/// The folder that `init` writes to, as it is before.
private struct StartingFolder {
    let configurationFile: String
    /// `nil` where there is no `viridian.yaml` yet.
    let configuration: Configuration?
    /// The names of the apps that it has.
    let apps: [String]

    /// - Throws: `Refusal` if it cannot be a folder, `ConfigurationError` for a `viridian.yaml` that is not valid.
    init(_ directory: String) throws {
        var isFolder: ObjCBool = false
        if FileManager.default.fileExists(atPath: directory, isDirectory: &isFolder), !isFolder.boolValue {
            throw Refusal("\(directory) is a file, not a folder")
        }
        configurationFile = URL(fileURLWithPath: directory).appending(path: ConfigurationFile.name).path
        guard !FileManager.default.fileExists(atPath: configurationFile) else {
            let found = try Configuration.load(file: configurationFile)
            configuration = found
            apps = found.apps.map(\.name.text).sorted()
            return
        }
        configuration = nil
        let files = (try? FileManager.default.contentsOfDirectory(atPath: directory + "/apps")) ?? []
        apps = files.filter { $0.hasSuffix(".yaml") && !$0.hasSuffix("-pod.yaml") }.map { String($0.dropLast(5)) }
            .sorted()
    }
}
