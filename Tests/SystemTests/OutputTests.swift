import Foundation
import Kubernetes
import Testing

extension ShortCommands {
    @Suite struct OutputTests {
        @Test("without a terminal nothing is coloured or redrawn, and -o json is one object a line")
        func plainOutput() async throws {
            try await withWorld { world in
                let deployed = try await world.release("v1")
                let failed = try await world.deploy("crash-1")
                let asked = [
                    "status", "status blog", "releases blog", "show blog/1", "show blog/2", "logs blog/2",
                    "nodes", "nodes blog", "check",
                ]
                var plain = [deployed, failed]
                for words in asked {
                    let words = words.split(separator: " ").map(String.init)
                    plain.append(try await world.viridian.run(words))
                    let said = try await world.viridian.run(words + ["-o", "json"])
                    #expect(said.status == 0, "\(said)")
                    let objects = try said.jsonLines
                    #expect(!objects.isEmpty && objects.allSatisfy { $0.object != nil }, "\(said)")
                }
                for said in plain {
                    #expect(!said.output.contains("\u{1b}") && !said.error.contains("\u{1b}"), "\(said)")
                    #expect(!said.output.isEmpty, "\(said)")
                }
                let asJSON = try await world.deploy("v3", "-o", "json")
                let release = try #require(asJSON.json, "\(asJSON)")
                #expect(asJSON.lines.count == 1)
                #expect(release["state"] == "live" && release["version"] == "v3" && release["number"] == 3)
                #expect(release[at: "previous.version"] == "v1")
                #expect(release["nodes"]?.array?.count == 2)
            }
        }
    }
}
