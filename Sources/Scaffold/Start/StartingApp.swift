import TextTemplates
import ViridianConfiguration

/// An app as `init` and `app add` begin it.
package struct StartingApp: Sendable, Hashable {
    package var name: AppName
    /// `nil` for the one without a name.
    package var cluster: String?
    /// Without a tag.
    package var image: String
    package var `protocol`: AppConfiguration.Proto
    package var ports: AppConfiguration.Ports
    package var hosts: [String]
    package var preview: String?
    /// The pod template, as the app's file names it.
    package var template: String

    package init(
        name: AppName, image: String, protocol: AppConfiguration.Proto = .http, ports: AppConfiguration.Ports,
        hosts: [String] = [], preview: String? = nil, template: String? = nil
    ) {
        self.name = name
        self.image = image
        self.protocol = `protocol`
        self.ports = ports
        self.hosts = hosts
        self.preview = preview
        self.template = template ?? "../\(StartingApp.templateName(name))"
    }

    /// The name of the pod template beside `viridian.yaml`.
    package static func templateName(_ app: AppName) -> String { "\(app)-pod.yaml" }

    /// `apps/NAME.yaml`, below the folder of `viridian.yaml`.
    package var file: RenderedFile { RenderedFile(path: "apps/\(name).yaml", text: AppFile(self).text) }

    /// The pod template, beside `viridian.yaml`.
    package var podTemplate: RenderedFile {
        RenderedFile(path: Self.templateName(name), text: PodTemplateFile(self).text)
    }

    /// The app as it is read from its file, without its pod template.
    /// - Throws: `InvalidValue`.
    package var configuration: AppConfiguration {
        get throws {
            try AppConfiguration(
                app: name.text, cluster: cluster, ports: ports, image: image, protocol: `protocol`, hosts: hosts,
                preview: preview)
        }
    }
}

/// The first version of `apps/NAME.yaml`.
struct AppFile: TemplateValues {
    static let template = TextTemplate(PackageResources.app_yaml_mustache)

    let app: String
    let cluster: String?
    let image: String
    let `protocol`: String
    let template: String
    let container: Int
    let blue: Int
    let green: Int
    /// Separated by commas; `nil` where the app has none yet.
    let hosts: String?
    let preview: String?
    let exampleHost: String
    let examplePreview: String

    init(_ app: StartingApp) {
        self.app = yaml(app.name.text)
        cluster = app.cluster.map { yaml($0) }
        image = yaml(app.image)
        `protocol` = app.protocol.rawValue
        template = Self.path(app.template)
        container = app.ports.container
        blue = app.ports.blue
        green = app.ports.green
        hosts = app.hosts.isEmpty ? nil : app.hosts.map(yaml).joined(separator: ", ")
        preview = app.preview.map(yaml)
        exampleHost = "\(app.name).domain.com"
        examplePreview = "preview.\(app.hosts.first { !$0.hasPrefix("*") } ?? exampleHost)"
    }

    /// A path that begins with two dots needs no quotation marks for them.
    private static func path(_ text: String) -> String {
        let rest = String(text.dropFirst(3))
        return text.hasPrefix("../") && yaml(rest) == rest ? text : yaml(text)
    }
}

/// The first version of an app's pod template.
struct PodTemplateFile: TemplateValues {
    static let template = TextTemplate(PackageResources.pod_yaml_mustache)

    let app: String
    let file: String
    let image: String
    let port: Int
    let isHTTP: Bool

    init(_ app: StartingApp) {
        self.app = yaml(app.name.text)
        file = StartingApp.templateName(app.name)
        image = yaml(app.image)
        port = app.ports.container
        isHTTP = app.protocol == .http
    }
}
