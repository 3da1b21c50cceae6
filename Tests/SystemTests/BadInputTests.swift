import Foundation
import Kubernetes
import Nginx
import Sandbox
import Testing

extension ShortCommands {
    /// Wrong input: one clear line, the right exit status, and no change.
    @Suite struct BadInputTests {
        /// Runs a command that must be refused: `words` are in one line on standard error, and standard output is empty.
        private func refused(
            _ world: World,
            _ arguments: [String],
            status: Int32 = 1,
            lines: Int = 1,
            environment: [String: String] = [:],
            saying words: String...,
            sourceLocation: SourceLocation = #_sourceLocation
        ) async throws {
            let said = try await world.viridian.run(arguments, environment: environment)
            #expect(said.status == status, "\(said)", sourceLocation: sourceLocation)
            #expect(said.output.isEmpty, "\(said)", sourceLocation: sourceLocation)
            if status != 64 {
                #expect(said.errorLines.count == lines, "\(said)", sourceLocation: sourceLocation)
                #expect(said.error.hasPrefix("viridian: "), "\(said)", sourceLocation: sourceLocation)
            }
            for word in words { #expect(said.error.contains(word), "\(said)", sourceLocation: sourceLocation) }
            #expect(said.took < .seconds(15), "\(said)", sourceLocation: sourceLocation)
        }

        private let deploy = ["deploy", "blog", "--version", "v1"]

        /// No release was started and nothing was created.
        private func expectUntouched(_ world: World, sourceLocation: SourceLocation = #_sourceLocation) async throws {
            #expect(try await world.workloads() == [], sourceLocation: sourceLocation)
            let services = try await world.client.list(.services, namespace: "blog").items
            #expect(services.isEmpty, sourceLocation: sourceLocation)
            let history = try await world.viridian("releases", "blog", "-o", "json")
            #expect(history.status == 0 && history.output.isEmpty, "\(history)", sourceLocation: sourceLocation)
        }

        @Test("an invalid configuration is refused with file, line and key")
        func configuration() async throws {
            try await withWorld(nodes: 1) { world in
                let file = try world.read("viridian.yaml")
                let app = try world.read("apps/blog.yaml")
                func with(_ old: String, _ new: String, _ check: (String) async throws -> Void) async throws {
                    let changed = app.replacing(old, with: new)
                    #expect(changed != app)
                    try world.write(changed, to: "apps/blog.yaml")
                    try await check(new)
                    try world.write(app, to: "apps/blog.yaml")
                }
                try world.write(file + "jounral: x\n", to: "viridian.yaml")
                try await refused(world, deploy, saying: "viridian.yaml:", "jounral", "journal")
                try world.write(file, to: "viridian.yaml")
                try await with("replicas: 1", "repicas: 1") { _ in
                    try await refused(world, deploy, saying: "apps/blog.yaml:5", "repicas", "replicas")
                }
                try await with("green: \(world.ports.green)", "green: \(world.ports.blue)") { _ in
                    try await refused(world, deploy, saying: "apps/blog.yaml:3", "a port other than blue's")
                }
                try await with("green: \(world.ports.green)", "green: 8080") { _ in
                    try await refused(world, deploy, saying: "apps/blog.yaml:3", "8080", "30000", "32767")
                }
                try world.write(
                    """
                    app: shop
                    ports: {container: 9000, blue: \(world.ports.blue), green: 30009}
                    image: registry.local:5000/shop

                    """, to: "apps/shop.yaml")
                try await refused(world, deploy, saying: "apps/shop.yaml:2", "\(world.ports.blue)", "blog")
                try FileManager.default.removeItem(atPath: world.directory + "/apps/shop.yaml")
                try await with("template: ../blog-pod.yaml", "template: nowhere.yaml") { _ in
                    try await refused(world, deploy, saying: "apps/blog.yaml:6", "nowhere.yaml")
                }
                try await refused(
                    world, deploy, environment: ["VIRIDIAN_CONFIG": "nowhere.yaml"],
                    saying: "nowhere.yaml", "VIRIDIAN_CONFIG")
                try await refused(world, deploy + ["--config", "/nowhere.yaml"], saying: "/nowhere.yaml", "--config")
                try await expectUntouched(world)
            }
        }

        @Test("invalid versions, images, replicas and names are refused before anything is done")
        func arguments() async throws {
            try await withWorld(nodes: 1) { world in
                let versions = [
                    "; rm -rf /", "../x", String(repeating: "1", count: 300), "vé", "v1\nv2", "-v", "v1 ",
                ]
                for version in versions {
                    // With `=`, so that a value may begin with a dash.
                    try await refused(world, ["deploy", "blog", "--version=\(version)"], saying: "version")
                }
                try await refused(world, ["deploy", "blog", "--version", ""], saying: "version")
                try await refused(world, deploy + ["--image", "no image"], saying: "image")
                try await refused(world, deploy + ["--replicas", "0"], saying: "replicas")
                try await refused(world, ["deploy", "nobody", "--version", "v1"], saying: "nobody", "blog")
                try await refused(world, ["status", "nobody"], saying: "nobody", "blog")
                try await refused(world, ["releases", "../blog"], saying: "../blog")
                try await refused(
                    world, ["show", "blog/7"], saying: "there is no release blog/7", "viridian releases blog")
                try await refused(world, ["show", "blog"], saying: "blog has no release yet")
                try await refused(world, ["logs", "blog/7"], saying: "there is no release blog/7")
                try await refused(world, ["promote", "blog"], saying: "blog has no release yet")
                try await refused(world, ["abort", "blog"], saying: "blog has no release yet")
                for words in [
                    ["show", "blog/x"], ["deploy"], ["deploy", "blog"], deploy + ["--verison", "v1"],
                    deploy + ["--wait", "forever"], deploy + ["--replicas", "many"], ["frobnicate"],
                    ["status", "-o", "xml"],
                ] {
                    try await refused(world, words, status: 64, saying: "Error: ", "sage: viridian")
                }
                try await expectUntouched(world)
            }
        }

        @Test("a cluster that cannot be used is named, with the fix")
        func cluster() async throws {
            try await withWorld(nodes: 1) { world in
                let kubeconfig = try world.read("kubeconfig")
                let dead = try await Ports.shared.some(1)[0]
                try world.write(
                    kubeconfig.replacing(world.cluster.server, with: "http://127.0.0.1:\(dead)"), to: "kubeconfig")
                try await refused(world, deploy, saying: "127.0.0.1:\(dead)", "refused")
                // What is known without it is still shown.
                let status = try await world.viridian("status")
                #expect(status.status == 1 && status.error.contains("127.0.0.1:\(dead)"), "\(status)")
                try world.write("users: [", to: "kubeconfig")
                try await refused(world, deploy, saying: "kubeconfig", "YAML")
                try FileManager.default.removeItem(atPath: world.directory + "/kubeconfig")
                try await refused(world, deploy, saying: "/kubeconfig: there is no such kubeconfig")
                try world.write(kubeconfig, to: "kubeconfig")
                let file = try world.read("viridian.yaml")
                try world.write(
                    file.replacing("{kubeconfig: kubeconfig}", with: "{kubeconfig: kubeconfig, context: production}"),
                    to: "viridian.yaml")
                try await refused(world, deploy, saying: "there is no context \"production\"", "sandbox")
                try world.write(file, to: "viridian.yaml")
                try await expectUntouched(world)

                try world.write(World.App(namespace: "nowhere"))
                try await refused(
                    world, deploy, lines: 2,
                    saying: "namespace nowhere does not exist", "kubectl create namespace nowhere")
                let checked = try await world.viridian("check")
                #expect(checked.status == 1, "\(checked)")
                #expect(checked.output.contains("namespace nowhere does not exist"), "\(checked)")
            }
        }

        @Test("a journal that cannot be written is refused, and its file is not changed")
        func journal() async throws {
            try await withWorld(nodes: 1) { world in
                let file = try world.read("viridian.yaml")
                func with(_ journal: String, _ words: String...) async throws {
                    try world.write(
                        file.replacing("journal: viridian.sqlite", with: "journal: \(journal)"), to: "viridian.yaml")
                    let said = try await world.viridian.run(deploy)
                    #expect(said.status == 1, "\(said)")
                    #expect(said.errorLines.count == 1, "\(said)")
                    for word in words { #expect(said.error.contains(word), "\(said)") }
                }
                try await with("nowhere/viridian.sqlite", "nowhere/viridian.sqlite", "folder")
                try world.write("This is no database, but a letter to a friend.\n", to: "letter.txt")
                try await with("letter.txt", "letter.txt is damaged", "move it away")
                #expect(try world.read("letter.txt").hasPrefix("This is no database"))
                try await with("apps", "/apps", "directory")
                try world.write(file, to: "viridian.yaml")
                try await expectUntouched(world)
            }
        }

        @Test("an existing service with another NodePort fails the release, with both ports named")
        func otherNodePort() async throws {
            try await withWorld(nodes: 1) { world in
                let other = try await Ports.shared.nodePorts().green
                let service: JSON = [
                    "metadata": ["name": "blog-green"],
                    "spec": [
                        "type": "NodePort", "ports": [["port": 9000, "nodePort": .integer(Int64(other))]],
                        "selector": ["name": "blog-green"],
                    ],
                ]
                _ = try await world.client.create(.services, service, namespace: "blog")
                let said = try await world.deploy("v1")
                #expect(said.status == 2, "\(said)")
                let words = "service blog/blog-green has NodePort \(other), not \(world.ports.green)"
                #expect(said.output.contains("FAILED in phase creating: \(words)"), "\(said)")
                #expect(try await world.workloads() == [])
                let check = try await world.viridian("check")
                #expect(check.status == 1, "\(check)")
                let isNamed = check.lines.contains { $0.hasPrefix("bad") && $0.contains("blog-green has NodePort") }
                #expect(isNamed, "\(check)")
            }
        }

        @Test(
            "nginx that does not accept a file, or does not run, fails the release with its words and moves no traffic")
        func nginx() async throws {
            try await withWorld { world in
                try await world.release("v1")
                let before = try world.read(world.upstreamFile(1))
                try world.write(
                    "upstream shopLB { sevrer 127.0.0.1:30009; }\n", to: "nodes/node-2/backends.d/shop.conf")
                let (said, watched) = try await world.watched { try await world.deploy("v2") }
                #expect(said.status == 2, "\(said)")
                #expect(said.output.contains("[node-2]"), "\(said)")
                #expect(said.output.contains("unknown directive \"sevrer\""), "\(said)")
                watched.expectUnnoticed("\(watched.failures.prefix(5)) \(watched.dark)")
                #expect(try world.read(world.upstreamFile(1)) == before)
                #expect(try world.read(world.upstreamFile(2)) == before)
                #expect(try await world.served() == ["v1", "v1"])
                #expect(try await world.workloads() == ["blog-blue"])
                try FileManager.default.removeItem(atPath: world.directory + "/nodes/node-2/backends.d/shop.conf")
                try await world.release("v3")
                try await world.expectLive("v3", on: "green", release: 3)
            }
        }

        @Test("a node whose nginx is not running stops a release before anything is created, and is named")
        func nginxDown() async throws {
            try await withWorld(nodes: 1, runningNginx: false) { world in
                let said = try await world.deploy("v1")
                #expect(said.status == 2, "\(said)")
                #expect(said.output.contains("node-1"), "\(said)")
                #expect(said.output.contains("nginx is not running"), "\(said)")
                #expect(try await world.workloads() == [])
            }
        }
    }
}
