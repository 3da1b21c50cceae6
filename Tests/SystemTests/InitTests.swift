import Foundation
import Processes
import TestSupport
import Testing

extension ShortCommands {
    /// `viridian init`, and the files that it writes.
    @Suite struct InitTests {
        private static let written = [
            "viridian.yaml", "apps/blog.yaml", "blog-pod.yaml", "Dockerfile", ".dockerignore", "compose.yaml",
        ]

        private func files(_ viridian: Program) throws -> [String: String] {
            var texts: [String: String] = [:]
            for path in try FileManager.default.subpathsOfDirectory(atPath: viridian.directory)
            where !path.hasPrefix("tmp") && !path.hasPrefix("home") {
                texts[path] = try? String(contentsOfFile: "\(viridian.directory)/\(path)", encoding: .utf8)
            }
            return texts
        }

        @Test("without a terminal nothing is asked, and every file is a line of the output")
        func pipe() async throws {
            try await inAnEmptyFolder { viridian in
                let said = try await viridian("init")
                #expect(said.status == 0 && said.error == "", "\(said)")
                let files = try files(viridian)
                for name in Self.written {
                    #expect(said.lines.contains("./\(name): written"), "\(name): \(said)")
                    #expect(files[name] != nil, "\(name)")
                }
                #expect(said.lines.filter { $0.hasSuffix(": written") }.count == files.count, "\(said)")
                let again = try await viridian("init")
                #expect(again.status == 0, "\(again)")
                #expect(
                    again.lines.filter { $0.hasSuffix(": exists, not changed") }.count == files.count, "\(again)")
                let after = try self.files(viridian)
                #expect(after == files)
            }
        }

        @Test(
            "what it writes is a configuration that check accepts, whatever the options say",
            arguments: [
                "", "--transport local --protocol fastcgi --host blog.domain.com --preview preview.blog.domain.com",
                "--node 10.122.43.70 --node 10.122.41.136 --ssh-user deploy --app www --container-port 8080",
                "--inventory ec2 --region eu-west-1 --tag role=web --tag team=a",
                "--inventory kubernetes --selector role=web",
            ])
        func options(_ line: String) async throws {
            try await inAnEmptyFolder { viridian in
                let said = try await viridian.run(["init"] + line.split(separator: " ").map(String.init))
                #expect(said.status == 0, "\(said)")
                let checked = try await viridian("check", environment: ["KUBECONFIG": "/dev/null"])
                #expect(
                    checked.lines.contains("ok       configuration \(viridian.directory)/viridian.yaml"), "\(checked)")
                for what in ["kubernetes", "nginx", "compose", "dockerfile", "rbac"] {
                    let rendered = try await viridian("render", what)
                    #expect(rendered.status == 0, "\(rendered)")
                }
            }
        }

        @Test("the next three commands can be copied: they name the configuration where it is not found by itself")
        func next() async throws {
            try await inAnEmptyFolder { viridian in
                let rights = "   # names the rights that are missing: viridian render rbac, viridian render sudoers"
                let here = try await viridian("init", "--node", "10.0.0.1")
                #expect(
                    here.lines.suffix(4) == [
                        "Next:", "  viridian render kubernetes | kubectl apply -f -",
                        "  viridian render nginx --into nodes   # below / on each node; then there: nginx -t && service nginx reload",
                        "  viridian check\(rights)",
                    ])
                let there = try await viridian("init", "it's there", "--transport", "local")
                #expect(
                    there.lines.suffix(4) == [
                        "Next:",
                        #"  viridian render kubernetes --config 'it'\''s there/viridian.yaml' | kubectl apply -f -"#,
                        #"  sudo viridian render nginx --config 'it'\''s there/viridian.yaml' --into / "#
                            + "&& sudo nginx -t && sudo service nginx reload",
                        #"  viridian check --config 'it'\''s there/viridian.yaml'"# + rights,
                    ], "\(there)")
                let rendered = String(try #require(there.lines.suffix(3).first).prefix { $0 != "|" })
                let copied = try await Command(
                    "sh", ["-c", rendered.replacing("viridian render", with: "\(Program.path) render")],
                    environment: viridian.environment, workingDirectory: viridian.directory
                ).run(deadline: .seconds(600))
                #expect(copied.succeeded && copied.output.contains("kind: Namespace"), "\(copied)")
                // A name that looks like an option is a path all the same.
                let dashed = try await viridian("init", "--", "-c")
                #expect(dashed.lines.contains("  viridian check --config ./-c/viridian.yaml" + rights), "\(dashed)")
            }
        }

        @Test("a folder with apps gets no second one, and app add is named")
        func secondApp() async throws {
            try await inAnEmptyFolder { viridian in
                _ = try await viridian("init", "--configuration-only", "--app", "blog")
                let names = try files(viridian).keys.sorted()
                #expect(names == ["apps/blog.yaml", "blog-pod.yaml", "viridian.yaml"])
                let refused = try await viridian("init", "--app", "www")
                #expect(refused.status == 1, "\(refused)")
                #expect(
                    refused.error.contains("`viridian app add www --config ./viridian.yaml` adds one"), "\(refused)")
                // The same app again: what was missing is written for the app as it is configured.
                let more = try await viridian("init", "--app", "blog", "--protocol", "fastcgi")
                #expect(more.lines.contains("./apps/blog.yaml: exists, not changed"), "\(more)")
                #expect(more.lines.contains("./Dockerfile: written"), "\(more)")
            }
        }

        @Test("what cannot be written is said in one line, and nothing of it is left")
        func refused() async throws {
            try await inAnEmptyFolder { viridian in
                try Data().write(to: URL(fileURLWithPath: viridian.directory + "/file"))
                let file = try await viridian("init", "file")
                #expect(file.status == 1 && file.error == "viridian: file is a file, not a folder\n", "\(file)")
                let below = try await viridian("init", "file/below")
                #expect(below.status == 1 && below.errorLines.count == 1, "\(below)")
                #expect(below.error.contains("a folder of its path is a file"), "\(below)")

                // Files of at most 512 bytes or 1 KiB do what a full disk does.
                let command = Command(
                    "sh", ["-c", "trap '' XFSZ; ulimit -f 1; exec \"$0\" init full", Program.path],
                    environment: viridian.environment, workingDirectory: viridian.directory)
                let full = try await command.run(deadline: .seconds(600))
                #expect(full.termination == .exited(1), "\(full)")
                #expect(full.error.contains(" cannot be written: file too large\n"), "\(full)")
                let left = try files(viridian).filter { $0.key.hasPrefix("full/") && $0.value.isEmpty }
                #expect(left.isEmpty)
                // With room again, the same command completes it.
                let again = try await viridian("init", "full")
                #expect(again.status == 0, "\(again)")
                let complete = try files(viridian)
                #expect(complete["full/compose.yaml"]?.isEmpty == false)

                let wrong = try await viridian("init", "new", "--host", "a_b")
                #expect(wrong.status == 1 && wrong.error.contains("--host: expected a DNS name"), "\(wrong)")
                #expect(!FileManager.default.fileExists(atPath: viridian.directory + "/new"))
            }
        }

        @Test("an invalid configuration that is there is reported, and nothing is written")
        func invalid() async throws {
            try await inAnEmptyFolder { viridian in
                try Data("nodes: {inventory: here}\n".utf8)
                    .write(to: URL(fileURLWithPath: viridian.directory + "/viridian.yaml"))
                let said = try await viridian("init")
                #expect(said.status == 1 && said.error.contains("nodes.inventory: expected"), "\(said)")
                let files = try files(viridian)
                #expect(files.count == 1)
            }
        }

        @Test("of apps that are added at the same time each gets ports of its own")
        func race() async throws {
            try await inAnEmptyFolder { viridian in
                _ = try await viridian("init", "--configuration-only")
                let said = try await withThrowingTaskGroup(of: Program.Said.self) { group in
                    for number in 1...6 { group.addTask { try await viridian("app", "add", "app\(number)") } }
                    return try await group.reduce(into: []) { $0.append($1) }
                }
                #expect(said.allSatisfy { $0.status == 0 }, "\(said)")
                // Without a cluster that can be asked, that is one line, and no reason not to go on.
                #expect(said.allSatisfy { $0.errorLines.count == 1 }, "\(said)")
                let ports = said.compactMap { $0.output.firstMatch(of: #/on ports ([0-9]+) \(blue\)/#)?.output.1 }
                #expect(Set(ports).count == 6, "\(ports)")
                let rendered = try await viridian("render", "kubernetes")
                #expect(rendered.status == 0, "\(rendered)")
            }
        }

        // MARK: - On a terminal

        @Test("on a terminal it asks, says why an answer is wrong, and asks again", .needsPython("pty"))
        func terminal() async throws {
            try await inAnEmptyFolder { viridian in
                let said = try await TerminalProgram.run(
                    viridian, ["init", "--image", "registry.local:5000/shop"],
                    typing: [
                        ("The app's name [blog]: ", "Shop\n"), ("The app's name [blog]: ", "shop\n"),
                        ("http or fastcgi [http]: ", "fastcgi\n"), ("listens on [9000]: ", "\n"),
                        ("separated by spaces [none]: ", "shop.domain.com www.shop.domain.com\n"),
                        ("[local]: ", "static\n"), ("separated by spaces: ", "10.0.0.1\n"), ("[deploy]: ", "ops\n"),
                    ])
                #expect(said.status == 0, "\(said.shown)")
                #expect(said.shown.contains("  expected a name of at most 57 lower-case letters"), "\(said.shown)")
                #expect(!said.shown.contains("Its image"), "\(said.shown)")
                let app = try String(contentsOfFile: viridian.directory + "/apps/shop.yaml", encoding: .utf8)
                #expect(app.contains("\nprotocol: fastcgi ") && app.contains("\nimage: registry.local:5000/shop "))
                #expect(app.contains("\nhosts: [shop.domain.com, www.shop.domain.com]\n"))
                let main = try String(contentsOfFile: viridian.directory + "/viridian.yaml", encoding: .utf8)
                #expect(main.contains("static: [10.0.0.1]") && main.contains("ssh: {user: ops}"))
            }
        }

        @Test("nothing is asked that options say, on a terminal either", .needsPython("pty"))
        func silent() async throws {
            try await inAnEmptyFolder { viridian in
                let line =
                    "init --app blog --image r.local/b --protocol http --container-port 80 --host b.x --transport local"
                let said = try await TerminalProgram.run(
                    viridian, line.split(separator: " ").map(String.init), typing: [])
                #expect(said.status == 0, "\(said.shown)")
                #expect(said.lines.allSatisfy { $0.hasSuffix(": written") || $0 == "Next:" || $0.hasPrefix("  ") })
            }
        }

        @Test(
            "Ctrl-C and Ctrl-D at a question write nothing", .needsPython("pty"),
            arguments: [("\u{3}", 130), ("\u{4}", 1)] as [(String, Int32)])
        func ended(key: String, status: Int32) async throws {
            try await inAnEmptyFolder { viridian in
                let said = try await TerminalProgram.run(
                    viridian, ["init", "new"], typing: [("[blog]: ", "shop\n"), ("[registry.local:5000/shop]: ", key)])
                #expect(said.status == status, "\(said.shown)")
                #expect(said.lines.last?.contains("nothing was written") == true, "\(said.shown)")
                #expect(!FileManager.default.fileExists(atPath: viridian.directory + "/new"))
            }
        }
    }
}
