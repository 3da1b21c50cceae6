import Foundation
import Testing

@testable import Commands

@Suite("Completion of kubectl viridian")
struct KubectlCompletionTests {
    private func complete(_ words: String...) throws -> KubectlCompletion {
        KubectlCompletion(words, of: try .all())
    }

    @Test("verbs are completed with what they do, and those that are not shown are not offered")
    func verbs() throws {
        #expect(
            try complete("st").text
                == "status\tShow the live state: colours, versions, pods, nodes, and what needs attention.\n:4")
        #expect(try complete("sample").text == ":4")
        #expect(try complete("token", "").candidates.map(\.word) == ["create", "list", "revoke"])
        #expect(try complete("--config", "x.yaml", "rollb").candidates.map(\.word) == ["rollback"])
    }

    @Test("options are those of the verb; values of an option that has only a few are completed")
    func options() throws {
        let names = try complete("deploy", "blog", "--ver").candidates.map(\.word)
        #expect(names == ["--version", "--verify"] || names == ["--verify", "--version"], "\(names)")
        #expect(try complete("status", "-o", "").candidates.map(\.word) == ["text", "json"])
        #expect(try complete("status", "--output=j").candidates.map(\.word) == ["--output=json"])
        #expect(
            try complete("token", "create", "--role", "").candidates.map(\.word) == ["viewer", "deployer", "admin"])
        // A number is nothing that could be completed.
        #expect(try complete("deploy", "blog", "--replicas", "").text == ":4")
        // Behind -- there are no options.
        #expect(try complete("deploy", "--", "--ver").text == ":4")
    }

    @Test("files are left to the shell")
    func files() throws {
        #expect(try complete("deploy", "--config", "v").text == ":0")
        #expect(try complete("--config", "").text == ":0")
    }

    @Test("apps are those of the configuration that is named")
    func apps() throws {
        let directory = FileManager.default.temporaryDirectory.path + "/viridian-completion-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: directory + "/apps", withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let main = "nodes: {inventory: static, static: [127.0.0.1], transport: local}\napps: apps/*.yaml\n"
        try Data(main.utf8).write(to: URL(fileURLWithPath: directory + "/viridian.yaml"))
        for (app, port) in [("blog", 30000), ("bulletin", 30010), ("shop", 30020)] {
            let text = "app: \(app)\nports: {container: 9000, blue: \(port), green: \(port + 1)}\nimage: r/\(app)\n"
            try Data(text.utf8).write(to: URL(fileURLWithPath: directory + "/apps/\(app).yaml"))
        }
        let file = directory + "/viridian.yaml"
        #expect(try complete("--config", file, "deploy", "b").candidates.map(\.word) == ["blog", "bulletin"])
        #expect(try complete("rollback", "--config", file, "").candidates.map(\.word) == ["blog", "bulletin", "shop"])
        // There is one app in a deploy.
        #expect(try complete("deploy", "--config", file, "blog", "").candidates.isEmpty)
        #expect(try complete("deploy", "--config", directory + "/nowhere.yaml", "").candidates.isEmpty)
    }
}
