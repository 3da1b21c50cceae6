import ArgumentParser
import Testing

@testable import Commands

@Suite("The arguments of a command line")
struct ArgumentOrderTests {
    private func parsed(_ words: [String]) throws -> any ParsableCommand {
        try Viridian.parseAsRoot(ArgumentOrder(words).ordered)
    }

    @Test(
        "the options that every verb has may precede or follow it",
        arguments: [
            "--config x.yaml --server http://h --token t -o json status blog",
            "--config=x.yaml --server=http://h --token=t --output=json status blog",
            "-o json status --config x.yaml blog --server http://h --token t",
            "status blog --config x.yaml --server http://h --token t --output json",
        ])
    func everywhere(_ line: String) throws {
        let status = try #require(try parsed(line.split(separator: " ").map(String.init)) as? StatusCommand)
        #expect(status.app == "blog" && status.output.output == .json)
        #expect(status.global.config == "x.yaml")
        #expect(status.global.remoteOptions.server == "http://h" && status.global.remoteOptions.token == "t")
    }

    @Test(
        "they may be before, between and after the two words of a verb",
        arguments: [
            "--config x.yaml token list -o json", "token --config x.yaml list -o json",
            "token list -o json --config x.yaml",
        ])
    func twoWords(_ line: String) throws {
        let list = try #require(try parsed(line.split(separator: " ").map(String.init)) as? TokenListCommand)
        #expect(list.global.config == "x.yaml" && list.output.output == .json)
    }

    @Test("deploy's --version is the version to release in any order of options; alone it is the program's")
    func version() throws {
        for words in [
            ["--config", "x.yaml", "deploy", "shop", "--version", "v2"],
            ["deploy", "--version", "v2", "--config", "x.yaml", "shop"],
            ["--config=x.yaml", "deploy", "--version=v2", "shop"],
        ] {
            let deploy = try #require(try parsed(words) as? DeployCommand)
            #expect(deploy.version == "v2" && deploy.app == "shop" && deploy.global.config == "x.yaml")
        }
        #expect(try parsed(["--version"]) is VersionCommand)
        #expect(try parsed(["version"]) is VersionCommand)
    }

    @Test(
        "an invalid order is a usage error",
        arguments: [
            ["--version", "deploy", "shop"], ["--version", "v2", "deploy", "shop"], ["--config", "x.yaml"],
            ["status", "--version"], ["-o", "json", "serve"], ["--reason", "x", "deploy", "shop", "--version", "v2"],
            ["deploy", "shop", "--version"],
        ])
    func refused(_ words: [String]) {
        let error = #expect(throws: (any Error).self) { try parsed(words) }
        #expect(error.map { Viridian.exitCode(for: $0).rawValue } == 64, "\(words)")
    }

    @Test(
        "an unknown verb is answered with the nearest one",
        arguments: [
            ("deplyo", "did you mean deploy?"), ("stauts", "did you mean status?"), ("finsh", "did you mean finish?"),
        ])
    func nearest(_ verb: String, _ hint: String) {
        let error = #expect(throws: ValidationError.self) { try ArgumentOrder([verb, "blog"]) }
        #expect(
            error?.message.contains("there is no viridian \(verb); \(hint)") == true, "\(String(describing: error))")
        #expect(error?.message.contains("viridian --help") == true)
    }

    @Test("help lists no option twice, and none that the verb refuses")
    func help() {
        let deploy = Viridian.helpMessage(for: DeployCommand.self, columns: 120)
        let options = deploy.split(separator: "\n").filter { $0.hasPrefix("  -") }
        #expect(options.filter { $0.contains("--version") }.count == 1, "\(deploy)")
        for verb in [ServeCommand.self, CheckCommand.self, RenderCommand.self, AppAddCommand.self]
            as [any ParsableCommand.Type]
        {
            let text = Viridian.helpMessage(for: verb, columns: 120)
            #expect(!text.contains("--server") && !text.contains("--token") && text.contains("--config"), "\(text)")
        }
    }

    @Test("options are moved, never lost")
    func nothingLost() throws {
        let verb = ["deploy", "shop", "--version", "v2"]
        let options = [["--config", "x.yaml"], ["--server", "http://h"], ["--token", "t"], ["-o", "json"]]
        for places in 0..<(1 << options.count) {
            let before = options.indices.filter { places & (1 << $0) != 0 }.flatMap { options[$0] }
            let behind = options.indices.filter { places & (1 << $0) == 0 }.flatMap { options[$0] }
            let deploy = try #require(try parsed(before + verb + behind) as? DeployCommand)
            #expect(deploy.version == "v2" && deploy.output.output == .json)
            #expect(deploy.global.config == "x.yaml" && deploy.global.remoteOptions.token == "t")
        }
    }
}
