import Foundation
import Testing
import TextTemplates
import ViridianConfiguration

@testable import Scaffold

/// A place for which there is no value is rendered as nothing, without a complaint: here it is noticed.
@Suite("templates")
struct TemplateTests {
    /// What goes into each template, with something in every list and every optional.
    private static func all() throws -> [any TemplateValues] {
        let app = try blog {
            $0.preview = "preview.blog.domain.com"
            $0.artifact = .init(from: "s3://deploy/blog/{version}.tgz", to: "/srv/blog")
        }
        let shop = StartingApp(
            name: try AppName("shop"), image: "i", ports: .init(container: 1, blue: 2, green: 3),
            hosts: ["shop.domain.com"], preview: "preview.shop.domain.com")
        let server = ServerConfiguration(url: URL(string: "https://deploy.domain.com"))
        var nodes = configuration([app], inventory: .ec2(.init(region: "eu-west-1", tags: ["role": "web"])))
        nodes.nodes.balancer = ["10.0.3.0/24"]
        let inventory = TerraformInventory(.init(region: "eu-west-1", tags: ["role": "web"]))
        let pod = try PodConfiguration(
            nodes, .init(files: [.init(path: "viridian.yaml", text: "apps: []\n")], variables: ["TOKEN"]))
        return [
            KubernetesObjects(app, with: Set(KubernetesAddition.allCases)),
            InstallConfigMap(pod, of: nodes),
            InstallDeployment(pod, image: "viridian"), InstallService(host: "h"),
            InstallSecrets(variables: [.init(name: "TOKEN")]), InstallPolicy(port: 1), AppRole(app),
            InventoryRole(rules: AccessRule.rules(of: app).map(RoleRule.init)),
            VirtualHosts(of: app, upstreamFile: "/etc/nginx/backends.d/blog.conf"), SharedNginxFile(nodes),
            SaltReadme(backends: "/b", hasNodeProgram: true), NodeStates(hasNodeProgram: true),
            NginxStates(backends: "/b"), NodeProgramStates(nodeProgram),
            TerraformMain(hosts: ["h"]),
            TerraformVariables(inventory: inventory, sshPort: 22, hasArtifacts: true, needsRights: true),
            TerraformNodeRole(artifacts: ["a"], hasArtifacts: true),
            TerraformRights(findsInstances: true, hasArtifacts: true), TerraformOutputs(needsRights: true),
            TerraformReadMe(inventory, ["h"], hasArtifacts: true),
            ComposeFile([app], backends: "/b", redis: true), ComposeLoadBalancer([app]), ComposeUpstream(app),
            ContainerFile<FastCGIDockerfile>(app), ContainerFile<PHPFPMConfiguration>(app), HTTPDockerfile(app),
            DockerIgnore(app),
            Jenkinsfile(app, release: ["exit"]), GitLabPipeline(app, release: ["exit"]),
            GitHubWorkflow(app, release: ["exit"]), ReleaseScript(app, server: server),
            SlackManifest(configuration([app])),
            SystemdUnit(configuration([app], server: server), program: "/p"),
            AlertRules(configuration([app], server: server), runbooks: "r"),
            GrafanaDashboard(configuration([app], server: server)),
            NodeSudoers(user: "u", program: "p", configuration: "c", authorizedKey: "k"),
            LocalSudoers(user: "u"),
            AppFile(shop), PodTemplateFile(shop), AdoptedAppFile(app, origins: ["app": "x"], comments: ["x"]),
            StartingConfiguration(
                ec2: .init(region: "eu-west-1", tags: "{role: web}"), kubernetes: .init(selector: "role=web"),
                addresses: "10.0.0.1", isLocal: true, user: "deploy"),
        ]
    }

    /// The names between braces, or between the marks that a template chooses because its language has braces: `{{=<% %>=}}`.
    private func places(in template: String) -> Set<String> {
        let names =
            template.hasPrefix("{{=<% %>=}}\n")
            ? #/<%[#^\/]?\s*(\w+)\s*%>/# : #/\{\{[#^\/]?\s*(\w+)\s*\}\}/#
        return Set(template.matches(of: names).map { String($0.output.1) })
    }

    /// The names of stored properties, those of nested values too.
    private func names(in values: Any) -> Set<String> {
        let mirror = Mirror(reflecting: values)
        let own = mirror.displayStyle == .struct ? mirror.children.compactMap(\.label) : []
        return mirror.children.reduce(into: Set(own)) { $0.formUnion(names(in: $1.value)) }
    }

    @Test("every place in a template has a value, and every value a place")
    func places() throws {
        for values in try Self.all() {
            #expect(places(in: type(of: values).template.source) == names(in: values), "\(type(of: values))")
        }
    }

    @Test("no template is left out here")
    func complete() throws {
        let folder = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../../Sources/Scaffold/Templates").standardizedFileURL
        let files = try FileManager.default.subpathsOfDirectory(atPath: folder.path)
            .filter { $0.hasSuffix(".mustache") }
        let sources = Set(try Self.all().map { type(of: $0).template.source })
        for file in files {
            #expect(sources.contains(try String(contentsOf: folder.appending(path: file), encoding: .utf8)), "\(file)")
        }
        #expect(sources.count == files.count)
    }

    @Test("a value is not escaped for HTML, and is no template itself")
    func values() {
        let text = NginxStates(backends: "/srv/<a>&\"<% backends %>\"").text
        #expect(text.contains("\n/srv/<a>&\"<% backends %>\":\n"))
    }

    @Test("sudo lets a node's key run the installed program without arguments, and nothing else")
    func sudoers() {
        let text = NodeSudoers(
            user: "deploy", program: "/usr/local/sbin/viridian-node", configuration: "/etc/viridian/node.conf",
            authorizedKey: "restrict"
        ).text
        #expect(
            lines(text) == [
                "Defaults:deploy !requiretty", "deploy ALL=(root) NOPASSWD: /usr/local/sbin/viridian-node \"\"",
            ])
    }
}
