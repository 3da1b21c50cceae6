import TextTemplates
import ViridianConfiguration

/// `apps/NAME.yaml` for an app that runs already, with the places where its values were found.
package struct AdoptedAppFile: TemplateValues {
    package static let template = TextTemplate(PackageResources.adopted_app_yaml_mustache)

    private struct Setting {
        var key: String
        /// YAML.
        var value: String
        var origin: String?
    }

    private struct Comment {
        var text: String
    }

    private let app: String
    private let settings: [Setting]
    private let comments: [Comment]

    /// - Parameters:
    ///   - app: What adopting determines of it; everything else keeps its default.
    ///   - origins: Where a key's value was found, by key.
    ///   - comments: Lines for the end, one line each.
    package init(_ app: AppConfiguration, origins: [String: String], comments: [String]) {
        self.app = app.name.text
        self.comments = comments.map { Comment(text: Self.oneLine($0)) }
        var settings: [Setting] = []
        func add(_ key: String, _ value: String) {
            settings.append(Setting(key: key, value: value, origin: origins[key].map(Self.oneLine)))
        }
        func list(_ texts: [String]) -> String { "[\(texts.map(yaml).joined(separator: ", "))]" }
        add("app", yaml(app.name.text))
        if let cluster = app.cluster { add("cluster", yaml(cluster)) }
        if app.namespace != app.name.text { add("namespace", yaml(app.namespace)) }
        add("ports", "{container: \(app.ports.container), blue: \(app.ports.blue), green: \(app.ports.green)}")
        add("image", yaml(app.image.name))
        if let containers = app.containers { add("containers", list(containers)) }
        add("workload", app.workload.rawValue)
        add("replicas", "\(app.replicas)")
        add("upstream", yaml(app.upstream))
        add("protocol", app.protocol.rawValue)
        if !app.hosts.isEmpty { add("hosts", list(app.hosts)) }
        if let preview = app.preview { add("preview", yaml(preview)) }
        if let command = app.postDeploy?.command { add("postDeploy", "{command: \(yaml(command))}") }
        if !app.allowDirect.isEmpty { add("allowDirect", list(app.allowDirect)) }
        self.settings = settings
    }

    /// What others wrote goes into comments: nothing in it may end the line, or do anything to a terminal.
    private static func oneLine(_ text: String) -> String {
        let scalars = text.unicodeScalars.map { scalar -> Unicode.Scalar in
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .unassigned: " "
            default: scalar
            }
        }
        return String(String.UnicodeScalarView(scalars))
    }
}
