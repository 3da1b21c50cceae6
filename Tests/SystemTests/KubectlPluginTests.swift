import Foundation
import Kubernetes
import Processes
import TestSupport
import Testing

extension ShortCommands {
    /// `kubectl viridian …`: the program under the names that kubectl looks for, as packages install it.
    @Suite(.needs("kubectl")) struct KubectlPluginTests {
        @Test("kubectl knows the plugin, runs it, and its help says what was typed")
        func runs() async throws {
            try await withPlugin { kubectl in
                let list = try await kubectl("plugin", "list")
                #expect(list.succeeded && list.output.contains("/kubectl-viridian"), "\(list)")
                let version = try await kubectl("viridian", "version")
                #expect(version.output.hasPrefix("viridian ") && version.output.contains(" ("), "\(version)")
                let help = try await kubectl("viridian", "deploy", "--help")
                #expect(help.output.contains("USAGE: kubectl viridian deploy "), "\(help)")
                let wrong = try await kubectl("viridian", "deplyo")
                #expect(wrong.termination == .exited(64), "\(wrong)")
                #expect(wrong.error.contains("there is no kubectl viridian deplyo; did you mean deploy?"), "\(wrong)")
                let script = try await kubectl("viridian", "completions", "bash")
                #expect(script.termination == .exited(64), "\(script)")
                #expect(script.error.contains("kubectl_complete-viridian"), "\(script)")
            }
        }

        @Test("kubectl completes its verbs, options and apps")
        func completes() async throws {
            try await withPlugin { kubectl in
                let verbs = try await kubectl("__complete", "viridian", "st")
                #expect(
                    verbs.output.hasPrefix("status\tShow the live state") && verbs.output.hasSuffix(":4\n"), "\(verbs)")
                let options = try await kubectl("__complete", "viridian", "deploy", "blog", "--rep")
                #expect(options.output.hasPrefix("--replicas\tNumber of replicas"), "\(options)")
                let written = try await kubectl("viridian", "init", "there")
                #expect(written.succeeded, "\(written)")
                let apps = try await kubectl(
                    "__complete", "viridian", "rollback", "--config", "there/viridian.yaml", "")
                #expect(apps.output.hasPrefix("blog\n:4"), "\(apps)")
            }
        }

        private func withPlugin(_ body: (_ kubectl: Kubectl) async throws -> Void) async throws {
            try await inAnEmptyFolder { folder in
                let bin = folder.directory + "/bin"
                try FileManager.default.createDirectory(atPath: bin, withIntermediateDirectories: true)
                for name in ["kubectl-viridian", "kubectl_complete-viridian"] {
                    try FileManager.default.createSymbolicLink(
                        atPath: bin + "/" + name, withDestinationPath: Program.path)
                }
                var environment = folder.environment
                environment["PATH"] = bin + ":" + (environment["PATH"] ?? "/usr/bin:/bin")
                try await body(Kubectl(environment: environment, directory: folder.directory))
            }
        }

        private struct Kubectl {
            let environment: [String: String]
            let directory: String

            func callAsFunction(_ words: String...) async throws -> Completed {
                try await Command("kubectl", words, environment: environment, workingDirectory: directory)
                    .run(deadline: .seconds(600))
            }
        }
    }

    /// Completion scripts in the shells that they are for.
    @Suite struct ShellCompletionTests {
        @Test("bash completes verbs, and apps of the configuration", .needs("bash", "python3"))
        func bash() async throws { try await completes(in: "bash") }

        @Test("zsh completes verbs, and apps of the configuration", .needs("zsh", "python3"))
        func zsh() async throws { try await completes(in: "zsh") }

        @Test("fish completes verbs, and apps of the configuration", .needs("fish", "python3"))
        func fish() async throws { try await completes(in: "fish") }

        private func completes(in shell: String) async throws {
            try await inAnEmptyFolder { folder in
                let script = folder.directory + "/_viridian"
                try Data(try await folder("completions", shell).output.utf8).write(to: URL(fileURLWithPath: script))
                #expect(try await folder("init", "there").status == 0)
                let configuration = folder.directory + "/there/viridian.yaml"
                var environment = folder.environment
                let directory = URL(fileURLWithPath: Program.path).deletingLastPathComponent().path
                environment["PATH"] = directory + ":" + (environment["PATH"] ?? "/usr/bin:/bin")
                let presses = [
                    ("viridian stat", "viridian status"), ("viridian token ", "revoke"),
                    ("viridian deploy --config \(configuration) ", "viridian.yaml blog"),
                ]
                for (typed, expected) in presses {
                    let said = try await Command(
                        Packages.source + "/Tests/Packages/press-tab.py", [shell, script, typed, expected],
                        environment: environment
                    ).run(deadline: .seconds(600))
                    #expect(said.succeeded, "\(said.error)")
                }
            }
        }
    }
}
