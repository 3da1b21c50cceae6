import TextTemplates
import ViridianConfiguration

/// The first version of `apps/NAME.yaml`.
package struct AppFile: TemplateValues {
    package static let template = TextTemplate(PackageResources.app_yaml_mustache)

    private let app: String
    private let image: String
    private let container: Int
    private let blue: Int
    private let green: Int
    /// Separated by commas; `nil` where the app has none yet.
    private let hosts: String?
    private let exampleHost: String

    package init(name: String, image: String, container: Int, blue: Int, green: Int, hosts: [String] = []) {
        app = yaml(name)
        self.image = yaml(image)
        self.container = container
        self.blue = blue
        self.green = green
        self.hosts = hosts.isEmpty ? nil : hosts.map(yaml).joined(separator: ", ")
        exampleHost = "\(name).domain.com"
    }
}

/// The convention for NodePorts: from 30000 up in tens, blue ends in 0 and green in 1.
package enum PortPlan {
    package static let first = (blue: 30000, green: 30001)
    /// The end of the range that Kubernetes gives out by default.
    private static let last = 32767

    /// The first pair of which no app has either.
    /// - Throws: `ScaffoldError` when every pair is taken.
    package static func next(after apps: [AppConfiguration]) throws(ScaffoldError) -> (blue: Int, green: Int) {
        let taken = Set(apps.flatMap { [$0.ports.blue, $0.ports.green] })
        for blue in stride(from: first.blue, to: last, by: 10) where taken.isDisjoint(with: [blue, blue + 1]) {
            return (blue, blue + 1)
        }
        throw ScaffoldError("every pair of ports from \(first.blue) to \(last) is in use by an app")
    }
}
