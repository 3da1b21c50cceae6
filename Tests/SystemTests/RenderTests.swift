import Foundation
import Kubernetes
import Nginx
import Processes
import Testing

extension ShortCommands {
    /// `init`, `app add` and `render`: the files are valid for viridian and for the programs that read them.
    @Suite struct RenderTests {
        @Test("kubectl applies the rendered files for the cluster, and a release works with them")
        func kubernetes() async throws {
            try await withWorld(nodes: 1) { world in
                let rendered = try await world.viridian("render", "kubernetes", "blog")
                #expect(rendered.status == 0, "\(rendered)")
                let command = Command(
                    "kubectl", ["apply", "-f", "-"],
                    environment: world.viridian.environment.merging(
                        ["KUBECONFIG": world.directory + "/kubeconfig"]) { $1 },
                    input: rendered.output)
                let applied = try await command.run(deadline: .seconds(600))
                #expect(applied.succeeded, "\(applied)")
                #expect(applied.output.contains("service/blog-blue created\nservice/blog-green created\n"))
                let green = try await world.client.get(.services, "blog-green", namespace: "blog")
                #expect(green[at: "spec.ports"]?[0]?["nodePort"]?.integer == world.ports.green)
                try await world.release("v1")
                #expect(try await world.served() == ["v1"])
            }
        }

        @Test("the API server accepts the pod template of init, as its head says, whatever the protocol")
        func podTemplate() async throws {
            try await withWorld(nodes: 1, runningNginx: false) { world in
                for proto in ["http", "fastcgi"] {
                    let begun = try await world.viridian("init", proto, "--configuration-only", "--protocol", proto)
                    #expect(begun.status == 0, "\(begun)")
                    let command = Command(
                        "kubectl", ["apply", "--dry-run=server", "-n", "blog", "-f", "blog-pod.yaml"],
                        environment: world.viridian.environment.merging(
                            ["KUBECONFIG": world.directory + "/kubeconfig"]) { $1 },
                        workingDirectory: "\(world.directory)/\(proto)")
                    let accepted = try await command.run(deadline: .seconds(600))
                    #expect(accepted.output == "podtemplate/blog created (server dry run)\n", "\(accepted)")
                }
            }
        }

        @Test("init writes a valid configuration, and does not change existing files")
        func begin() async throws {
            try await inAnEmptyFolder { viridian in
                let first = try await viridian("init")
                #expect(first.status == 0, "\(first)")
                #expect(first.output.contains("./viridian.yaml: written\n./apps/blog.yaml: written\n"), "\(first)")
                let rendered = try await viridian("render", "nginx", "blog")
                #expect(rendered.status == 0, "\(rendered)")
                #expect(rendered.output.contains("upstream blogLB {"))
                let file = viridian.directory + "/apps/blog.yaml"
                let text = try String(contentsOfFile: file, encoding: .utf8) + "hosts: [blog.domain.com]\n"
                try Data(text.utf8).write(to: URL(fileURLWithPath: file))
                let second = try await viridian("init")
                #expect(
                    second.output.contains(
                        "viridian.yaml: exists, not changed\n./apps/blog.yaml: exists, not changed\n"))
                #expect(try String(contentsOfFile: file, encoding: .utf8) == text)
            }
        }

        @Test("apps are added on the next free pair of ports, and never replace an existing one")
        func add() async throws {
            try await inAnEmptyFolder { viridian in
                _ = try await viridian("init")
                let www = try await viridian("app", "add", "www", "--host", "www.domain.com")
                #expect(www.status == 0, "\(www)")
                #expect(
                    www.output.contains("apps/www.yaml: written, on ports 30010 (blue) and 30011 (green)"), "\(www)")
                _ = try await viridian("app", "add", "shop", "--container-port", "8080")
                let shop = try String(contentsOfFile: viridian.directory + "/apps/shop.yaml", encoding: .utf8)
                #expect(shop.contains("ports: {container: 8080, blue: 30020, green: 30021}"))
                #expect(shop.contains("image: registry.local:5000/shop"))

                for (words, problem) in [
                    (["www"], "app www exists already"), (["Www"], "lower-case letters"),
                    (["new", "--image", "registry.local/new:tag"], "an image without a tag"),
                    (["new", "--container-port", "0"], "container"), (["new", "--host", "a b"], "DNS name"),
                    (["new", "--host", "WWW.domain.com"], "--host: www.domain.com is a host of www"),
                    (["new", "--preview", "www.domain.com"], "--preview: www.domain.com is a host of www"),
                ] {
                    let refused = try await viridian.run(["app", "add"] + words)
                    #expect(refused.status == 1, "\(refused)")
                    // One line: the cluster, which does not answer here, was not asked.
                    #expect(refused.errorLines.count == 1 && refused.error.contains(problem), "\(refused)")
                }
                #expect(!FileManager.default.fileExists(atPath: viridian.directory + "/apps/new.yaml"))

                let main = viridian.directory + "/viridian.yaml"
                let text = try String(contentsOfFile: main, encoding: .utf8)
                    .replacing("apps: apps/*.yaml", with: "apps: [apps/blog.yaml]")
                try Data(text.utf8).write(to: URL(fileURLWithPath: main))
                let unread = try await viridian("app", "add", "unread")
                #expect(unread.status == 1, "\(unread)")
                #expect(unread.error.contains("does not include apps/unread.yaml"), "\(unread)")
                #expect(!FileManager.default.fileExists(atPath: viridian.directory + "/apps/unread.yaml"))
            }
        }

        @Test("with --into files are written to a folder, and existing ones are not changed")
        func folder() async throws {
            try await inAnEmptyFolder { viridian in
                _ = try await viridian("init")
                let first = try await viridian("render", "salt", "--into", "out")
                #expect(first.status == 0, "\(first)")
                let seed = "out/salt/kubernetes/files/node/nginx/backends.d/blog.conf"
                #expect(first.lines.contains("\(seed): written"), "\(first)")
                let second = try await viridian("render", "salt", "--into", "out/")
                #expect(second.lines.contains("\(seed): exists, not changed"), "\(second)")
                #expect(second.lines.allSatisfy { $0.hasSuffix(": exists, not changed") }, "\(second)")
            }
        }

        @Test("pipelines are written with their script, and a server without an address that a CI reaches is told")
        func pipelines() async throws {
            try await inAnEmptyFolder { viridian in
                _ = try await viridian("init")
                for (what, path) in [
                    ("jenkins", "Jenkinsfile"), ("gitlab", ".gitlab-ci.yml"),
                    ("github", ".github/workflows/release.yml"),
                ] {
                    let written = try await viridian("render", what, "blog", "--into", what)
                    #expect(written.status == 0, "\(written)")
                    #expect(
                        written.lines == ["\(what)/\(path): written", "\(what)/ci/release.sh: written"], "\(written)")
                    #expect(written.errorLines.count == 1 && written.error.contains("server.url is not configured"))
                }
                let main = viridian.directory + "/viridian.yaml"
                let text = try String(contentsOfFile: main, encoding: .utf8) + "\nserver: {url: \"https://d.x\"}\n"
                try Data(text.utf8).write(to: URL(fileURLWithPath: main))
                let quiet = try await viridian("render", "jenkins", "blog")
                #expect(quiet.error == "" && quiet.output.contains("server='https://d.x'\n"), "\(quiet)")
            }
        }

        @Test("sudo accepts the rendered rules, and the files to install have the right permissions")
        func sudoers() async throws {
            try await inAnEmptyFolder { viridian in
                _ = try await viridian("init")
                let main = viridian.directory + "/viridian.yaml"
                let text = try String(contentsOfFile: main, encoding: .utf8)
                func configure(_ nodes: String) throws {
                    let changed = text.replacing(#/ +transport: local[^\n]*\n/#, with: nodes).replacing(
                        #/ +sudo: true\n/#, with: "")
                    try Data(changed.utf8).write(to: URL(fileURLWithPath: main))
                }
                // The server's user, whoever renders it; or another one.
                let local = try await viridian("render", "sudoers")
                #expect(local.output.hasSuffix("\nviridian ALL=(root) NOPASSWD: /bin/sh, /usr/bin/sh\n"), "\(local)")
                let unit = try await viridian("render", "systemd")
                #expect(unit.output.contains("\nUser=viridian\n"), "\(unit)")
                let other = try await viridian("render", "sudoers", "--user", "deploy")
                #expect(other.output.hasSuffix("\ndeploy ALL=(root) NOPASSWD: /bin/sh, /usr/bin/sh\n"), "\(other)")
                let twoLines = try await viridian("render", "sudoers", "--user", "deploy ALL")
                #expect(twoLines.status == 64 && twoLines.error.contains("--user"), "\(twoLines)")
                try configure("  transport: ssh\n  ssh: {user: deploy}\n  sudo: true\n")
                let said = try await viridian("render", "sudoers")
                #expect(said.status == 0, "\(said)")
                #expect(said.output.contains("\nDefaults:deploy !requiretty\n"))
                #expect(said.output.contains("\ndeploy ALL=(root) NOPASSWD: /usr/local/sbin/viridian-node \"\"\n"))
                let elsewhere = try await viridian("render", "sudoers", "--user", "deploy")
                #expect(elsewhere.status == 1 && elsewhere.error.contains("nodes.ssh.user"), "\(elsewhere)")
                let settings = try await viridian("render", "node.conf")
                #expect(settings.output.contains("ports.blog=30000 30001\nupstream.blog="), "\(settings)")
                let program = try await viridian("render", "viridian-node")
                let checked = try await Command("sh", ["-n"], input: program.output).run(deadline: .seconds(600))
                #expect(checked.succeeded, "\(checked)")
                for (what, path, mode) in [
                    ("sudoers", "etc/sudoers.d/viridian", 0o440),
                    ("viridian-node", "usr/local/sbin/viridian-node", 0o755),
                ] {
                    let written = try await viridian("render", what, "--to", "out")
                    #expect(written.status == 0, "\(written)")
                    let file = "\(viridian.directory)/out/\(path)"
                    let found = try FileManager.default.attributesOfItem(atPath: file)[.posixPermissions] as? Int
                    #expect(found == mode, "\(path)")
                }
                for (nodes, problem) in [
                    ("  transport: ssh\n  ssh: {user: deploy}\n  sudo: false\n", "nodes.sudo is false"),
                    ("  transport: ssh\n  ssh: {user: root}\n  sudo: true\n", "is root, who needs no sudo"),
                ] {
                    try configure(nodes)
                    let refused = try await viridian("render", "sudoers")
                    #expect(refused.status == 1 && refused.error.contains(problem), "\(refused)")
                }
                // sudo is not installed on every machine.
                guard
                    let visudo = ["/usr/sbin/visudo", "/sbin/visudo"].first(where: FileManager.default.isExecutableFile)
                else { return }
                for text in [local.output, said.output] {
                    let taken = try await Command(visudo, ["-c", "-f", "-"], input: text).run(deadline: .seconds(600))
                    #expect(taken.succeeded, "\(taken)")
                }
            }
        }

        @Test("an unknown name is refused with the known ones")
        func refused() async throws {
            try await inAnEmptyFolder { viridian in
                _ = try await viridian("init")
                let what = try await viridian("render", "helm")
                #expect(what.status == 64, "\(what)")
                #expect(what.error.contains("slack-manifest"), "\(what)")
                let app = try await viridian("render", "nginx", "bolg")
                #expect(app.status == 1, "\(app)")
                #expect(app.error.contains("did you mean blog?"), "\(app)")
                let socket = try await viridian("render", "nginx", "--socket")
                #expect(socket.status == 64, "\(socket)")
                #expect(socket.error.contains("slack-manifest"), "\(socket)")
            }
        }
    }
}
