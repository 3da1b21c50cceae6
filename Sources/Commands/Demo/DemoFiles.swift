import Fleet
import Nginx
import TextTemplates

/// The demo's `viridian.yaml`.
struct DemoConfiguration: TemplateValues {
    static let template = TextTemplate(PackageResources.demo_viridian_yaml_mustache)

    /// The names of the nodes, separated by commas.
    let nodes: String
    let backends: String
    let test: String
    let reload: String
    let pidFile: String

    init(_ demo: DemoEnvironment) {
        nodes = (1...demo.nodes.count).map { "node-\($0)" }.joined(separator: ", ")
        let any = LocalNginx(directory: demo.directory + "/nodes/{node}")
        backends = any.backends
        test = any.test
        reload = any.reload
        pidFile = any.pidFile
    }
}

/// The demo's `apps/blog.yaml`.
struct DemoApp: TemplateValues {
    static let template = TextTemplate(PackageResources.demo_blog_yaml_mustache)
    /// The pod template that it names, `apps/blog-pod.yaml`.
    static let podTemplate = String(decoding: PackageResources.demo_blog_pod_yaml, as: UTF8.self)

    let blue: Int
    let green: Int
    let preview: String

    init(_ demo: DemoEnvironment) {
        blue = demo.ports.blue
        green = demo.ports.green
        preview = demo.preview
    }
}

/// Printed while the demo stays up: what to try.
struct DemoInvitation: TemplateValues {
    static let template = TextTemplate(PackageResources.demo_invitation_txt_mustache)

    /// The URL of the first node's nginx.
    let site: String
    let preview: String
    let directory: String
    let configuration: String
    /// The path by which this program was started.
    let program: String

    init(_ demo: DemoEnvironment, program: String) {
        site = demo.sites[0]
        preview = demo.preview
        directory = demo.directory
        configuration = demo.configurationFile
        self.program = program
    }

    var lines: [Substring] { text.split(separator: "\n", omittingEmptySubsequences: false).dropLast() }
}
