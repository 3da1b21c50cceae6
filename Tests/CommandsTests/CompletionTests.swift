import ArgumentParser
import Foundation
import Testing

@testable import Commands

@Suite("Completions")
struct CompletionTests {
    @Test("there is a script for each shell, and it completes app names", arguments: CompletionsCommand.Shell.allCases)
    func scripts(_ shell: CompletionsCommand.Shell) {
        let script = Viridian.completionScript(for: shell.completed)
        #expect(
            script.contains("deploy") && script.contains("rollback") && script.contains("---completion"), "\(shell)")
    }

    @Test("the names are those of the configuration in the arguments; without one, there are none")
    func apps() throws {
        let directory = FileManager.default.temporaryDirectory.path + "/viridian-completion-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: directory + "/apps", withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let main =
            "journal: j.sqlite\nnodes: {inventory: static, static: [127.0.0.1], transport: local}\napps: apps/*.yaml\n"
        try Data(main.utf8).write(to: URL(fileURLWithPath: directory + "/x.yaml"))
        for (index, app) in ["blog", "shop"].enumerated() {
            let ports = "{container: 9000, blue: \(30000 + index * 10), green: \(30001 + index * 10)}"
            try Data("app: \(app)\nports: \(ports)\nimage: registry.local:5000/\(app)\n".utf8)
                .write(to: URL(fileURLWithPath: directory + "/apps/\(app).yaml"))
        }
        #expect(
            ConfiguredNames.apps(completing: ["viridian", "--config", directory + "/x.yaml", "deploy", ""]) == [
                "blog", "shop",
            ])
        #expect(
            ConfiguredNames.apps(completing: ["viridian", "deploy", "--config", directory + "/nowhere.yaml"]) == [])
        #expect(ConfiguredNames.apps(completing: ["viridian", "deploy", "--config"]).isEmpty)
        let notify = "notify: [{name: ops, url: 'https://a.com/', format: slack-webhook}]\n"
        let slack = "slack: {token: xoxb-1, channel: '#deploys'}\nreport: {github: {token: ghp_1}}\n"
        try Data((main + notify + slack).utf8).write(to: URL(fileURLWithPath: directory + "/x.yaml"))
        #expect(
            ConfiguredNames.destinations(completing: ["viridian", "--config", directory + "/x.yaml", "notify", "test"])
                == ["github", "ops", "slack"])
    }
}
