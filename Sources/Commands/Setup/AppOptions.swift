import ArgumentParser
import Controller
import Scaffold
import ViridianConfiguration

/// What a new app is like.
struct AppOptions: ParsableArguments, Sendable {
    @Option(
        help: ArgumentHelp(
            "The image, without a tag. Default: registry.local:5000/NAME, or NAME in the registry of the first app."))
    var image: String?

    @Option(
        name: .customLong("protocol"),
        help: ArgumentHelp("What nginx speaks with the pods. Default: http.", valueName: "protocol"))
    var proto: AppConfiguration.Proto?

    @Option(help: "The port that the app's container listens on. Default: 9000.") var containerPort: Int?

    @Option(help: ArgumentHelp("A host name of the app; may be given several times.", valueName: "name"))
    var host: [String] = []

    @Option(help: ArgumentHelp("The host name at which a candidate can be tried before it is live.", valueName: "name"))
    var preview: String?

    /// The app's values: from the options, else from answers, else the defaults. `registry` has its image if nobody says otherwise;
    /// `template` is the pod template as the app's file names it, `nil` for one of its own.
    func app(
        _ name: AppName, ports: (blue: Int, green: Int), registry: String, template: String? = nil,
        asking interview: Interview?
    ) async throws -> StartingApp {
        let image = try await SetupValue(option: "--image", given: image).resolve(
            "Its image, without a tag", suggestion: "\(registry)/\(name)", interview
        ) { text throws(InvalidValue) in try TypedValue.image.check(text, field: "image") }
        let proto = try await SetupValue(option: "--protocol", given: proto?.rawValue).resolve(
            "What nginx speaks with its pods: http or fastcgi", suggestion: "http", interview
        ) { text throws(InvalidValue) in try Self.proto(text) }
        let container = try await SetupValue(option: "--container-port", given: containerPort.map(String.init)).resolve(
            "The port that its container listens on", suggestion: "9000", interview
        ) { text throws(InvalidValue) in try TypedValue.containerPort.check(text, field: "container port") }
        let hosts = try await SetupValue(option: "--host", given: host.isEmpty ? nil : host.joined(separator: " "))
            .resolve("Its host names, separated by spaces", suggestion: "none", interview) {
                text throws(InvalidValue) in
                host.isEmpty
                    ? try SetupValue.list(text, .host, field: "host", none: "none")
                    : try SetupValue.list(host, .host, field: "host")
            }
        let preview = try preview.map { text in
            try SetupValue(option: "--preview", given: text).checked { text throws(InvalidValue) in
                let site = try TypedValue.preview.check(text, field: "preview")
                guard !hosts.contains(site) else {
                    throw InvalidValue(field: "preview", expected: "a name that is not one of the hosts", found: text)
                }
                return site
            }
        }
        return StartingApp(
            name: name, image: image, protocol: proto,
            ports: .init(container: Int(container) ?? 9000, blue: ports.blue, green: ports.green), hosts: hosts,
            preview: preview, template: template)
    }

    private static func proto(_ text: String) throws(InvalidValue) -> AppConfiguration.Proto {
        guard let proto = AppConfiguration.Proto(rawValue: text.lowercased()) else {
            throw InvalidValue(field: "protocol", expected: "http or fastcgi", found: text)
        }
        return proto
    }
}

extension AppConfiguration.Proto: ExpressibleByArgument {}
