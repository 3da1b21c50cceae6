import Controller
import Foundation
import Scaffold
import ViridianConfiguration

/// An app that `app add` adds to a configuration.
struct AddedApp: Sendable {
    /// Its ports are not chosen yet.
    private var app: StartingApp
    /// Whether its image's registry is that of the first app.
    private let hasImage: Bool
    private let hasOwnTemplate: Bool
    /// The path of `viridian.yaml`.
    private let main: String

    struct Result: Sendable {
        var configuration: Configuration
        var lines: [String]
    }

    /// `cluster` is the name of the cluster that it runs in; `nil` for the one without a name.
    /// - Throws: `Refusal` for a wrong option.
    init(
        name: AppName, cluster: String? = nil, main: String, options: AppOptions, template: String?
    ) async throws {
        self.main = main
        hasImage = options.image != nil
        hasOwnTemplate = template == nil
        let folder = URL(fileURLWithPath: main).deletingLastPathComponent().path
        app = try await options.app(
            name, ports: (0, 0), registry: "registry.local:5000",
            template: try template.map { try Self.reference(to: $0, in: folder) }, asking: nil)
        app.cluster = cluster
    }

    /// Whether it can be added to this configuration, whatever its ports will be.
    /// - Throws: `Refusal` where an app of its name is there, or another one has one of its hosts.
    func check(_ configuration: Configuration) throws(Refusal) {
        guard !configuration.apps.contains(where: { $0.name == app.name }) else {
            throw Refusal("app \(app.name) exists already")
        }
        for (option, host) in app.hosts.map({ ("--host", $0) }) + (app.preview.map { [("--preview", $0)] } ?? []) {
            guard
                let other = neighbours(in: configuration).first(where: { $0.hosts.contains(host) || $0.preview == host }
                )
            else { continue }
            throw Refusal("\(option): \(host) is \(other.preview == host ? "the preview" : "a host") of \(other.name)")
        }
    }

    /// The apps of its cluster.
    private func neighbours(in configuration: Configuration) -> [AppConfiguration] {
        configuration.apps.filter { $0.cluster == app.cluster }
    }

    /// Writes its files. Nobody else may add an app meanwhile.
    /// - Throws: `Refusal`; then nothing was written.
    func add(_ services: PortsInUse) throws -> Result {
        var app = app
        let configuration = try Configuration.load(file: main)
        try check(configuration)
        if !hasImage, let registry = configuration.apps.first?.image.registry { app.image = "\(registry)/\(app.name)" }
        let choice = try PortChoice(for: app.name, neighbours(in: configuration), services)
        app.ports.blue = choice.ports.blue
        app.ports.green = choice.ports.green

        var written: [(path: String, isNew: Bool)] = []
        do {
            if hasOwnTemplate { written.append(try write(app.podTemplate)) }
            written.append(try write(app.file))
            guard written.last?.isNew == true else {
                throw Refusal(
                    "\(path(app.file)) exists already and was not changed; does `apps` in \(main) include it?")
            }
            let now = try Configuration.load(file: main)
            guard now.apps.contains(where: { $0.name == app.name }) else {
                throw Refusal("`apps` in \(main) does not include \(app.file.path); `apps: apps/*.yaml` does")
            }
            return Result(configuration: now, lines: choice.notes + Self.lines(written, app))
        } catch {
            // A file of it would make the configuration invalid, or would not be read.
            for file in written where file.isNew { try? FileManager.default.removeItem(atPath: file.path) }
            throw Refusal("\(app.name) was not added: \(error)")
        }
    }

    private static func lines(_ written: [(path: String, isNew: Bool)], _ app: StartingApp) -> [String] {
        written.enumerated().map { index, file in
            guard index == written.count - 1 else {
                return "\(file.path): \(file.isNew ? "written" : "exists, not changed")"
            }
            return "\(file.path): written, on ports \(app.ports.blue) (blue) and \(app.ports.green) (green)"
        }
    }

    private func path(_ file: RenderedFile) -> String {
        URL(fileURLWithPath: main).deletingLastPathComponent().appending(path: file.path).path
    }

    private func write(_ file: RenderedFile) throws -> (path: String, isNew: Bool) {
        (path(file), try NewFile.write(file.text, to: path(file)))
    }

    /// An existing pod template as the app's file, in `apps/`, names it.
    private static func reference(to file: String, in folder: String) throws -> String {
        let path = URL(fileURLWithPath: file).standardizedFileURL.path
        guard FileManager.default.fileExists(atPath: path) else { throw Refusal("--template: \(file) does not exist") }
        let prefix = URL(fileURLWithPath: folder).standardizedFileURL.path + "/"
        return path.hasPrefix(prefix) ? "../" + path.dropFirst(prefix.count) : path
    }
}

/// The pair of ports of a new app.
struct PortChoice: Sendable {
    var ports: (blue: Int, green: Int)
    /// What a person should know of it.
    var notes: [String] = []

    /// - Throws: `ScaffoldError` when every pair is in use.
    init(for app: AppName, _ apps: [AppConfiguration], _ services: PortsInUse) throws {
        let configured = PortPlan.taken(by: apps)
        if let pair = services.pair(of: app), configured[pair.blue] == nil, configured[pair.green] == nil {
            ports = pair
            notes = ["\(app): its services exist already, on \(pair.blue) (blue) and \(pair.green) (green)"]
            return
        }
        let taken = configured.merging(services.holders.mapValues { "service \($0)" }) { mine, _ in mine }
        ports = try PortPlan.next(taken: taken)
        // Those that only the cluster knows.
        for port in services.holders.keys.sorted() where port < ports.blue && port >= 30000 && port % 10 < 2 {
            guard configured[port] == nil, let holder = taken[port] else { continue }
            let blue = port - port % 10
            notes.append("\(blue) and \(blue + 1) are not free: \(holder) has \(port)")
        }
    }
}
