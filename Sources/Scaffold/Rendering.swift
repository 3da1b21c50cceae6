import ViridianConfiguration

/// A file to begin with, which somebody else's program or repository takes from there.
package struct RenderedFile: Sendable, Hashable {
    /// Where it belongs, relative to the folder or machine that it is for: `etc/nginx/backends.d/blog.conf`.
    package var path: String
    package var text: String
    /// The permissions that it needs; `nil` where any will do.
    package var mode: Int?

    package init(path: String, text: String, mode: Int? = nil) {
        self.path = path
        self.text = text
        self.mode = mode
    }
}

/// Why something cannot be rendered.
package struct ScaffoldError: Error, Sendable, Hashable, CustomStringConvertible {
    package var description: String

    package init(_ description: String) { self.description = description }
}

/// What can be written from the configuration alone.
package enum Rendering: String, Sendable, CaseIterable {
    case kubernetes
    case nginx
    case salt
    case terraform
    case compose
    case dockerfile
    case jenkins
    case gitlab
    case rbac
    case slackManifest = "slack-manifest"

    /// Whether several files of it are one stream of YAML documents.
    private var isYAMLStream: Bool { self == .kubernetes || self == .rbac }

    /// The files for these apps, of which there is at least one.
    /// - Throws: `ScaffoldError`.
    package func files(_ configuration: Configuration, apps: [AppConfiguration]) throws(ScaffoldError) -> [RenderedFile]
    {
        switch self {
        case .kubernetes: return apps.map(KubernetesObjects.file)
        case .nginx:
            try apps.checkHosts()
            return apps.flatMap { NginxSite(app: $0, backends: configuration.nodes.backendsOnNode).files }
        case .salt:
            try apps.checkHosts()
            return SaltStates(apps: apps, backends: configuration.nodes.backendsOnNode).files
        case .terraform: return [try TerraformModule(configuration: configuration, apps: apps).file]
        case .compose: return [Containers.compose(apps)]
        case .dockerfile: return apps.map(Containers.dockerfile)
        case .jenkins: return apps.map { Pipelines.jenkins($0, server: configuration.server) }
        case .gitlab: return apps.map { Pipelines.gitlab($0, server: configuration.server) }
        case .rbac: return AccessRights(configuration: configuration, apps: apps).files
        case .slackManifest: return [try SlackManifest.file(configuration.server)]
        }
    }

    /// The files as one text, as it is printed: each with its path in front where there are several.
    package func text(_ files: [RenderedFile]) -> String {
        guard files.count > 1 else { return files.first?.text ?? "" }
        return files.map { isYAMLStream ? $0.text : "# \($0.path)\n\($0.text)" }
            .joined(separator: isYAMLStream ? "---\n" : "\n")
    }
}

extension NodesConfiguration {
    /// The directory of upstream files as it is on each machine.
    var backendsOnNode: String { backends.contains(Self.placeholder) ? "/etc/nginx/backends.d" : backends }
}

/// The colours of an app with what differs between them, blue first.
struct Side {
    var color: String
    var port: Int
    /// Of its service and its workload: `blog-blue`.
    var name: String
}

extension AppConfiguration {
    var sides: [Side] {
        [("blue", ports.blue), ("green", ports.green)].map { Side(color: $0.0, port: $0.1, name: "\(name)-\($0.0)") }
    }
}

/// A scalar of YAML, in quotation marks where it could be read as something else than this text.
func yaml(_ text: String) -> String {
    let reserved: Set = ["true", "false", "yes", "no", "on", "off", "y", "n", "null"]
    let isPlain =
        text.first.map { $0.isASCII && $0.isLetter } == true && text.last != ":"
        && !reserved.contains(text.lowercased())
        && text.unicodeScalars.allSatisfy {
            $0.isASCII
                && ($0.properties.isAlphabetic || ("0"..."9").contains($0) || "-._/:".unicodeScalars.contains($0))
        }
    guard !isPlain else { return text }
    let escaped = text.unicodeScalars.map { scalar -> String in
        switch scalar {
        case "\"", "\\": "\\\(scalar)"
        case "\n": "\\n"
        case "\t": "\\t"
        default:
            scalar.value < 32 ? "\\x\(scalar.value < 16 ? "0" : "")\(String(scalar.value, radix: 16))" : "\(scalar)"
        }
    }
    return "\"\(escaped.joined())\""
}
