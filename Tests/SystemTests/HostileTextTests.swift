import Foundation
import Kubernetes
import Testing

extension ShortCommands {
    /// Untrusted text from annotations and from servers.
    @Suite struct HostileTextTests {
        private static let hostile = "\u{1b}]0;owned\u{7}\u{1b}[2J\rv9\nFORGED\u{202e}"

        private func expectSafe(_ said: Program.Said, sourceLocation: SourceLocation = #_sourceLocation) {
            for text in [said.output, said.error] {
                let isSafe = text.unicodeScalars.allSatisfy { scalar in
                    scalar == "\n"
                        || scalar.value >= 0x20 && !(0x7F...0x9F).contains(scalar.value)
                            && !(0x202A...0x202E).contains(scalar.value)
                }
                #expect(isSafe, "\(said)", sourceLocation: sourceLocation)
                #expect(
                    !text.split(separator: "\n").contains { $0.hasPrefix("FORGED") }, sourceLocation: sourceLocation)
            }
        }

        @Test("control sequences in annotations do not reach the terminal, and invalid versions are not used")
        func annotations() async throws {
            try await withWorld(nodes: 1) { world in
                try await world.release("v1")
                let patch: JSON = [
                    "metadata": [
                        "annotations": [
                            "viridian.dev/live-version": .string(Self.hostile),
                            "viridian.dev/version": .string(Self.hostile),
                        ]
                    ]
                ]
                _ = try await world.client.patch(.leases, "viridian", .merge(patch), namespace: "blog")
                _ = try await world.client.patch(.replicationControllers, "blog-blue", .merge(patch), namespace: "blog")
                for words in [["status"], ["status", "-o", "json"], ["nodes"], ["check"]] {
                    expectSafe(try await world.viridian.run(words))
                }
                let status = try await world.viridian("status")
                #expect(!status.output.contains("FORGED"), "\(status)")
                let said = try await world.viridian.run(
                    ["deploy", "blog", "--version", "v2"], environment: ["VIRIDIAN_USER": Self.hostile])
                expectSafe(said)
                expectSafe(try await world.viridian("show", "blog"))
                expectSafe(try await world.viridian("logs", "blog"))
                expectSafe(try await world.viridian("releases", "blog"))
                expectSafe(try await world.viridian("audit"))
            }
        }

        @Test("control sequences in a server's responses and in addresses do not reach the terminal")
        func server() async throws {
            let directory = FileManager.default.temporaryDirectory.path + "/viridian-hostile-\(UUID().uuidString)"
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(atPath: directory) }
            let viridian = try Program(in: directory)
            for server in [Self.hostile, "http://127.0.0.1:1/\(Self.hostile)", "http://\(Self.hostile)/"] {
                for words in [["status"], ["show", "blog/1"], ["deploy", "blog", "--version", "v1"]] {
                    let said = try await viridian.run(words + ["--server", server, "--token", "vir_x"])
                    #expect(said.status == 1, "\(said)")
                    expectSafe(said)
                    let noToken = try await viridian.run(words + ["--server", server])
                    #expect(noToken.status == 1, "\(noToken)")
                    expectSafe(noToken)
                }
            }
        }
    }
}
