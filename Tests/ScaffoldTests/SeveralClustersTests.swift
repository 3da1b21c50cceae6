import Foundation
import Kubernetes
import Scaffold
import TestSupport
import Testing
import ViridianConfiguration

/// What is rendered where one server releases in several clusters.
@Suite("Several clusters, rendered")
struct SeveralClustersTests {
    private static let main = """
        journal: viridian.sqlite
        nodes: {inventory: static, static: [10.0.0.1]}
        clusters:
          - name: east   # by its kubeconfig
            kubeconfig: ~/.kube/east
            nodes: {inventory: static, static: [10.1.0.1]}
          - name: west
            context: west
            nodes:
              inventory: static
              static: [10.1.0.1]
              ssh: {user: ops, identityFile: west.key}

        """

    private static let apps = [
        "blog": "app: blog", "shop": "app: shop\ncluster: east\nhosts: [www.domain.com]",
        "www": "app: www\ncluster: west\nhosts: [www.domain.com]",
    ]

    private func load(_ main: String = main, in folder: String) throws -> (Configuration, ConfigurationText) {
        try write(main, to: folder + "/viridian.yaml")
        for (name, text) in Self.apps {
            try write(
                "\(text)\nports: {container: 9000, blue: 30000, green: 30001}\nimage: registry.local:5000/\(name)\n",
                to: "\(folder)/apps/\(name).yaml")
        }
        return try Configuration.loadWithText(
            file: folder + "/viridian.yaml", environment: ["HOME": "/home/ann"], workingDirectory: folder)
    }

    private func install(_ main: String = main, in folder: String) throws -> [String: RenderedFile] {
        let (configuration, written) = try load(main, in: folder)
        var options = RenderingOptions()
        options.written = written
        let files = try Rendering.install.files(configuration, apps: configuration.apps, options: options)
        return Dictionary(uniqueKeysWithValues: files.map { ($0.path, $0) })
    }

    @Test("the server in the cluster gets a kubeconfig for each of the other clusters, from a Secret of its own")
    func kubeconfigs() async throws {
        try await withFolder { folder in
            let files = try install(in: folder)
            let deployment = try JSON(yaml: try #require(files["install/deployment.yaml"]).text)
            let sources = deployment[at: "spec.template.spec.volumes"]?[0]?[at: "projected.sources"]?.array ?? []
            let secrets = sources.compactMap { $0["secret"] }
            #expect(
                secrets.compactMap { $0["name"]?.string } == [
                    "viridian-ssh", "viridian-cluster-east", "viridian-cluster-west",
                ])
            #expect(secrets[1]["items"] == [["key": "kubeconfig", "path": "clusters/east/kubeconfig"]])
            let text = try #require(files["install/deployment.yaml"]).text
            #expect(text.contains("create secret generic viridian-cluster-west --from-file=kubeconfig="))
        }
    }

    @Test("the pod's configuration names those kubeconfigs, keeps contexts, and uses its one key everywhere")
    func configuration() async throws {
        try await withFolder { folder in
            let map = try JSON(yaml: try #require(try install(in: folder)["install/configuration.yaml"]).text)
            let text = try #require(map["data"]?["viridian.yaml"]?.string)
            #expect(text.contains("kubeconfig: /etc/viridian/clusters/west/kubeconfig\n    name: west\n"), "\(text)")
            let pod = folder + "/pod"
            try write(text, to: pod + "/viridian.yaml")
            let loaded = try Configuration.load(
                file: pod + "/viridian.yaml", environment: ["HOME": "/var/lib/viridian"], workingDirectory: "/")
            #expect(
                loaded.clusters.map(\.kubernetes) == [
                    .init(), .init(kubeconfig: "/etc/viridian/clusters/east/kubeconfig"),
                    .init(kubeconfig: "/etc/viridian/clusters/west/kubeconfig", context: "west"),
                ])
            for cluster in loaded.clusters {
                guard case .ssh(let ssh) = cluster.nodes.transport else { throw Unexpected() }
                #expect(ssh.identityFile == "/etc/viridian/ssh/id_ed25519", "\(cluster.label)")
            }
        }
    }

    private struct Unexpected: Error {}

    @Test("a cluster whose nodes a pod cannot reach is refused by its name")
    func local() async throws {
        try await withFolder { folder in
            let main = Self.main.replacing("ssh: {user: ops, identityFile: west.key}", with: "transport: local")
            let error = #expect(throws: ScaffoldError.self) { _ = try install(main, in: folder) }
            #expect(error?.description.hasPrefix("nodes.transport of cluster west is local") == true)
        }
    }

    @Test("of one cluster, files have its apps and its nodes only: hosts and ports of another one are no conflict")
    func narrowed() async throws {
        try await withFolder { folder in
            let (all, _) = try load(in: folder)
            let west = all.narrowed(to: try all.cluster("west"))
            for what in [Rendering.kubernetes, .rbac, .nginx, .salt, .terraform] {
                let files = try what.files(west, apps: west.apps)
                #expect(!files.isEmpty)
                for file in files { #expect(!file.text.contains("shop"), "\(file.path)") }
            }
        }
    }

    @Test("the unit lets the server change nginx's files where any cluster's nginx is on its machine")
    func systemd() async throws {
        try await withFolder { folder in
            let (all, _) = try load(in: folder)
            let far = try Rendering.systemd.files(all, apps: [])[0].text
            var near = all
            near.clusters[2].nodes.transport = .local
            near.clusters[2].nodes.backends = "/srv/west"
            let text = try Rendering.systemd.files(near, apps: [])[0].text
            #expect(!far.contains("/srv/west") && text.contains(" -/srv/west"))
        }
    }

    @Test("an app's first file names its cluster, where it has a name")
    func appFile() throws {
        var app = StartingApp(
            name: try AppName("blog"), image: "blog", ports: .init(container: 9000, blue: 30000, green: 30001))
        #expect(!app.file.text.contains("\ncluster:"))
        app.cluster = "west"
        #expect(app.file.text.contains("\napp: blog\ncluster: west\nports:"))
        #expect(try app.configuration.cluster == "west")
    }
}
