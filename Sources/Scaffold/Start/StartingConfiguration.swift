import TextTemplates
import ViridianConfiguration

/// The machines that run nginx, as `init` begins with them.
package enum StartingNodes: Sendable, Hashable {
    /// nginx on this machine.
    case local
    /// These machines, by SSH.
    case addresses([String], user: String)
    /// Instances that carry all of these tags.
    case ec2(region: String, tags: [String: String], user: String)
    /// Nodes of the cluster; an empty selector is all of them.
    case kubernetes(selector: String, user: String)
}

/// The first version of `viridian.yaml`.
package struct StartingConfiguration: TemplateValues {
    package static let template = TextTemplate(PackageResources.viridian_yaml_mustache)

    var ec2: EC2?
    var kubernetes: Cluster?
    /// Separated by commas.
    var addresses: String?
    var isLocal = false
    /// For ssh.
    var user: String?

    struct EC2 {
        var region: String
        /// A mapping of YAML.
        var tags: String
    }

    struct Cluster {
        var selector: String?
    }
}

extension StartingConfiguration {
    package init(_ nodes: StartingNodes) {
        switch nodes {
        case .local:
            isLocal = true
            addresses = address("127.0.0.1")
        case .addresses(let list, let user):
            self.user = literal(user)
            addresses = list.map(address).joined(separator: ", ")
        case .ec2(let region, let tags, let user):
            self.user = literal(user)
            let pairs = tags.sorted { $0.key < $1.key }.map { "\(yaml($0.key)): \(literal($0.value))" }
            ec2 = EC2(region: yaml(region), tags: "{\(pairs.joined(separator: ", "))}")
        case .kubernetes(let selector, let user):
            self.user = literal(user)
            kubernetes = Cluster(selector: selector.isEmpty ? nil : literal(selector))
        }
    }

    package var file: RenderedFile { RenderedFile(path: ConfigurationFile.name, text: text) }
}

/// A scalar in which the reader finds no `${NAME}`.
private func literal(_ text: String) -> String { yaml(text.replacing("${", with: "$${")) }

/// Digits with three dots are text in YAML.
private func address(_ text: String) -> String {
    text.split(separator: ".").count == 4 && text.allSatisfy { $0 == "." || $0.isNumber } ? text : literal(text)
}
