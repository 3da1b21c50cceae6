import Fleet
import Nginx
import TextTemplates

/// The demo's `viridian.yaml`.
struct DemoConfiguration: TemplateValues {
    static let template = TextTemplate(PackageResources.demo_viridian_yaml_mustache)

    /// Separated by commas.
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
    /// `apps/blog-pod.yaml`, which it names.
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

/// What can be tried while the demo stays up.
struct DemoInvitation: TemplateValues {
    static let template = TextTemplate(PackageResources.demo_invitation_txt_mustache)

    /// Where the first node's nginx answers.
    let site: String
    let preview: String
    let directory: String
    let configuration: String
    /// How this program was called.
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
