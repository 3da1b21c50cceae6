import Foundation
import Kubernetes
import Scaffold
import Testing
import ViridianConfiguration

/// `render install`: Viridian in the cluster.
@Suite("Viridian in the cluster")
struct InstallTests {
    private static let main = """
        # Ours.
        journal: viridian.sqlite   # beside this file
        kubernetes:
          kubeconfig: ~/.kube/config
        # The machines.
        nodes:
          inventory: static
          static: [10.0.0.1]
          ssh: {user: deploy, config: ssh_config}
        slack: {token: "${SLACK_TOKEN}", signingSecret: "${SLACK_SECRET}", channel: "#deploys"}
        apps: apps/*.yaml

        """
    private static let app = """
        app: blog
        ports: {container: 9000, blue: 30000, green: 30001}
        image: registry.local:5000/blog
        template: ../templates/blog pod.yaml
        """

    /// The rendered files of a configuration on disk, by their paths.
    private func files(
        _ main: String = main, in folder: String, environment: [String: String] = ["HOME": "/home/ann"]
    ) throws -> [String: RenderedFile] {
        try write(main, to: folder + "/viridian.yaml")
        try write(Self.app, to: folder + "/apps/blog.yaml")
        try write(
            "  # A comment first.\nspec: {containers: [{name: blog}]}\n\n", to: folder + "/templates/blog pod.yaml")
        try write("Host *\n  Port 2222\n", to: folder + "/ssh_config")
        let (configuration, written) = try Configuration.loadWithText(
            file: folder + "/viridian.yaml", environment: environment, workingDirectory: folder)
        let options = RenderingOptions.with {
            $0.written = written
            $0.image = "registry.local:5000/viridian:1.2"
        }
        let files = try Rendering.install.files(configuration, apps: configuration.apps, options: options)
        return Dictionary(uniqueKeysWithValues: files.map { ($0.path, $0) })
    }

    private func object(_ path: String, of files: [String: RenderedFile]) throws -> JSON {
        try JSON(yaml: try #require(files[path]).text)
    }

    @Test("the ConfigMap has the files as they are written, with what a pod needs otherwise")
    func configuration() async throws {
        try await withFolder { folder in
            let data = try #require(try object("install/configuration.yaml", of: try files(in: folder))["data"])
            #expect(
                data["viridian.yaml"]?.string == """
                    # Ours.
                    journal: /var/lib/viridian/viridian.sqlite   # beside this file
                    # The machines.
                    nodes:
                      inventory: static
                      static: [10.0.0.1]
                      ssh: {identityFile: /etc/viridian/ssh/id_ed25519, user: deploy, config: ssh_config}
                    slack: {token: "${SLACK_TOKEN}", signingSecret: "${SLACK_SECRET}", channel: "#deploys"}
                    apps: apps/*.yaml

                    """)
            #expect(data["apps.blog.yaml"]?.string == Self.app)
            #expect(
                data["templates.blog.pod.yaml"]?.string
                    == "  # A comment first.\nspec: {containers: [{name: blog}]}\n\n")
            #expect(data["ssh_config"]?.string == "Host *\n  Port 2222\n")
        }
    }

    @Test("what is mounted is a configuration, with its apps, and a pod finds each file where it was")
    func mounted() async throws {
        try await withFolder { folder in
            let files = try files(in: folder + "/here")
            let data = try object("install/configuration.yaml", of: files)["data"]
            let deployment = try object("install/deployment.yaml", of: files)
            let volume = deployment[at: "spec.template.spec.volumes"]?[0]
            let items = try #require(volume?[at: "projected.sources"]?[0]?[at: "configMap.items"]?.array)
            #expect(Set(items.compactMap { $0["key"]?.string }) == Set(data?.object.map { Array($0.keys) } ?? []))
            // As the kubelet lays them out: a folder with a time in its name, and links to it.
            let pod = folder + "/pod"
            for item in items {
                let path = try #require(item["path"]?.string)
                let key = try #require(item["key"]?.string)
                try write(data?[key]?.string ?? "", to: "\(pod)/..2026_11_27/\(path)")
            }
            func link(_ name: String, to target: String) throws {
                try FileManager.default.createSymbolicLink(atPath: "\(pod)/\(name)", withDestinationPath: target)
            }
            try link("..data", to: "..2026_11_27")
            for name in Set(items.compactMap { $0["path"]?.string?.split(separator: "/").first.map(String.init) }) {
                try link(name, to: "..data/" + name)
            }
            let loaded = try Configuration.load(
                file: pod + "/viridian.yaml",
                environment: ["SLACK_TOKEN": "xoxb-1", "SLACK_SECRET": "s", "HOME": "/var/lib/viridian"],
                workingDirectory: "/")
            #expect(loaded.apps.map(\.name.text) == ["blog"])
            #expect(loaded.apps[0].template?.text.contains("name: blog") == true)
            #expect(loaded.journal == "/var/lib/viridian/viridian.sqlite")
            #expect(loaded.kubernetes == KubernetesConfiguration())
            guard case .ssh(let ssh) = loaded.nodes.transport else { throw Unexpected() }
            #expect(ssh.identityFile == "/etc/viridian/ssh/id_ed25519" && ssh.user == "deploy")
            #expect(ssh.config == pod + "/ssh_config")
        }
    }

    private struct Unexpected: Error {}

    @Test("secrets are names: in the environment of the server, and in a file to create them from")
    func secrets() async throws {
        try await withFolder { folder in
            let secret = "xoxb-very-secret"
            let files = try files(in: folder, environment: ["HOME": "/home/ann", "SLACK_TOKEN": secret])
            for file in files.values { #expect(!file.text.contains(secret), "\(file.path)") }
            let pod = try object("install/deployment.yaml", of: files)[at: "spec.template.spec.containers"]?[0]
            let environment = (pod?["env"]?.array ?? []).filter { $0["valueFrom"] != nil }
            #expect(environment.compactMap { $0["name"]?.string } == ["SLACK_SECRET", "SLACK_TOKEN"])
            let key = environment.last?[at: "valueFrom.secretKeyRef"]
            #expect(key == ["name": "viridian-environment", "key": "SLACK_TOKEN"])
            let names = try #require(files["install/secrets.env"])
            #expect(lines(names.text) == ["SLACK_SECRET", "SLACK_TOKEN"])
            #expect(names.mode == 0o600)
            // kubectl would apply an empty Secret over the real one.
            #expect(!files.values.contains { $0.text.contains("kind: Secret\n") })
        }
    }

    @Test("one writer of the journal, no rights that are not needed, and time to leave a release well")
    func deployment() async throws {
        try await withFolder { folder in
            let files = try files(in: folder)
            let deployment = try object("install/deployment.yaml", of: files)
            #expect(deployment[at: "spec.replicas"]?.integer == 1 && deployment[at: "spec.strategy.type"] == "Recreate")
            let spec = try #require(deployment[at: "spec.template.spec"])
            #expect(spec["serviceAccountName"] == "viridian")
            #expect((spec["terminationGracePeriodSeconds"]?.integer ?? 0) > 45)
            #expect(spec[at: "securityContext.runAsNonRoot"] == true)
            let container = try #require(spec["containers"]?[0])
            #expect(container["image"] == "registry.local:5000/viridian:1.2")
            #expect(container[at: "securityContext.readOnlyRootFilesystem"] == true)
            #expect(container[at: "securityContext.capabilities"] == ["drop": ["ALL"]])
            #expect(container[at: "livenessProbe.httpGet.path"] == "/healthz")
            #expect(container[at: "readinessProbe.httpGet.path"] == "/readyz")
            // The namespace and the account are those of `render rbac`, once.
            #expect(!files.values.contains { $0.text.contains("kind: ServiceAccount\n") })
            #expect(!files.values.contains { $0.text.contains("kind: Namespace\n") })
        }
    }

    @Test("the server is restarted by a change of the configuration, and only by one")
    func fingerprint() async throws {
        func value(_ files: [String: RenderedFile]) throws -> String {
            let metadata = try object("install/deployment.yaml", of: files)[at: "spec.template.metadata.annotations"]
            return try #require(metadata?["viridian.dev/configuration"]?.string)
        }
        try await withFolder { folder in
            let first = try value(files(in: folder + "/a"))
            #expect(try value(files(in: folder + "/b")) == first)
            let changed = Self.main.replacing("10.0.0.1", with: "10.0.0.2")
            #expect(try value(files(changed, in: folder + "/c")) != first)
        }
    }

    @Test("a configuration that cannot be a pod's is refused, with what to change")
    func refused() async throws {
        for (change, problem) in [
            ((of: "\"${SLACK_TOKEN}\"", with: "xoxb-1"), "viridian.yaml:10: slack.token"),
            ((of: "  ssh: {user: deploy, config: ssh_config}", with: "  transport: local"), "nodes.transport is local"),
            ((of: "config: ssh_config", with: "config: /etc/hosts"), "/etc/hosts is outside of the folder"),
            ((of: "apps:", with: "server: {tls: {certificate: c.pem, key: k.pem}}\napps:"), "server.tls names files"),
            ((of: "viridian.sqlite ", with: ">-\n  viridian.sqlite\n"), "the value of journal is written in a way"),
        ] {
            try await withFolder { folder in
                let main = Self.main.replacing(change.of, with: change.with)
                let error = #expect(throws: ScaffoldError.self) { _ = try files(main, in: folder) }
                #expect(error?.description.contains(problem) == true, "\(String(describing: error))")
                #expect(error?.description.contains("xoxb") != true)
            }
        }
    }
}
