import ViridianConfiguration

/// The file of an app to begin with.
package struct AppFile: Sendable {
    private let name: String
    private let image: String
    private let container: Int
    private let blue: Int
    private let green: Int
    private let hosts: [String]

    package init(name: String, image: String, container: Int, blue: Int, green: Int, hosts: [String] = []) {
        self.name = name
        self.image = image
        self.container = container
        self.blue = blue
        self.green = green
        self.hosts = hosts
    }

    package var text: String {
        let names =
            hosts.isEmpty ? "# hosts: [\(name).domain.com]" : "hosts: [\(hosts.map(yaml).joined(separator: ", "))]"
        return """
            app: \(yaml(name))
            ports: {container: \(container), blue: \(blue), green: \(green)}
            image: \(yaml(image))   # the version is the tag
            replicas: 1   # for the first release; later ones take the live colour's count
            \(names)
            # protocol: fastcgi
            drain: {least: 30s, most: 5m}

            """
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
        throw ScaffoldError("every pair of ports from \(first.blue) to \(last) belongs to an app")
    }
}
