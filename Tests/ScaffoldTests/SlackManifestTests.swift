import Foundation
import Processes
import Scaffold
import Testing
import ViridianConfiguration
import Yams

/// Limits and required keys are those of https://docs.slack.dev/reference/app-manifest.
@Suite("the Slack app")
struct SlackManifestTests {
    /// A manifest as Slack reads it.
    private struct Manifest {
        private let root: Node

        init(_ text: String) throws { root = try #require(try Yams.compose(yaml: text)) }

        /// `settings.interactivity.request_url`
        subscript(path: String) -> Node? {
            path.split(separator: ".").reduce(root as Node?) { $0?[String($1)] }
        }

        var commands: [Node] { self["features.slash_commands"].map { Array($0.array()) } ?? [] }
    }

    private static let https = ServerConfiguration(url: URL(string: "https://deploy.domain.com"))
    private static let http = ServerConfiguration(url: URL(string: "http://10.0.0.7:8080"))

    private static func text(
        _ server: ServerConfiguration, slack: SlackConfiguration? = nil, isSocketMode: Bool = false
    ) throws -> String {
        var configuration = configuration([try blog()], server: server)
        configuration.slack = slack
        let what = Rendering.slackManifest
        return what.text(
            try what.files(configuration, apps: configuration.apps, options: .init(isSocketMode: isSocketMode)))
    }

    private static func slack(
        signingSecret: String? = nil, appToken: String? = nil, command: String = "/deploy"
    ) throws -> SlackConfiguration {
        SlackConfiguration(
            token: Secret("xoxb-1"), signingSecret: signingSecret.map { Secret($0) },
            appToken: appToken.map { Secret($0) }, channel: "#deploys", command: command,
            api: try #require(URL(string: "https://slack.com/api")))
    }

    /// What is rendered for servers that Slack can call, and for those that it cannot.
    private static func all() throws -> [String] {
        [
            try text(https), try text(https, isSocketMode: true), try text(http), try text(ServerConfiguration()),
            try text(https, slack: slack(signingSecret: "8f74", command: "/" + String(repeating: "release", count: 4))),
            try text(https, slack: slack(appToken: "xapp-1", command: "/déploie-\"blog\"#1")),
        ]
    }

    @Test("Slack calls a server that has an https address")
    func called() throws {
        let manifest = try Manifest(try Self.text(Self.https))
        #expect(manifest.commands.map { $0["url"]?.string } == ["https://deploy.domain.com/slack/commands"])
        #expect(manifest["settings.interactivity.request_url"]?.string == "https://deploy.domain.com/slack/actions")
        #expect(manifest["settings.socket_mode_enabled"]?.bool == false)
    }

    @Test("Socket Mode has no addresses; it is what a server gets that Slack cannot call, or whose owner wants it")
    func socketMode() throws {
        for text in [
            try Self.text(Self.https, isSocketMode: true), try Self.text(Self.http),
            try Self.text(ServerConfiguration()), try Self.text(Self.https, slack: Self.slack(appToken: "xapp-1")),
        ] {
            #expect(try Manifest(text)["settings.socket_mode_enabled"]?.bool == true)
            #expect(lines(text).allSatisfy { !$0.contains("url:") }, "\(text)")
        }
        let both = try Self.slack(signingSecret: "8f74", appToken: "xapp-1")
        #expect(try Manifest(try Self.text(Self.https, slack: both))["settings.socket_mode_enabled"]?.bool == false)
    }

    @Test("the command has the name that is configured, and the bot may do what releases need and no more")
    func features() throws {
        let slack = try Self.slack(signingSecret: "8f74", command: "/release")
        let manifest = try Manifest(try Self.text(Self.https, slack: slack))
        #expect(manifest.commands.map { $0["command"]?.string } == ["/release"])
        #expect(try Manifest(try Self.text(Self.https)).commands.map { $0["command"]?.string } == ["/deploy"])
        #expect(manifest["settings.interactivity.is_enabled"]?.bool == true)
        #expect(
            manifest["oauth_config.scopes.bot"]?.array().map(\.string)
                == ["chat:write", "chat:write.public", "commands", "users:read", "users:read.email"])
        // Typed names stay as they were typed.
        #expect(manifest.commands.allSatisfy { $0["should_escape"]?.bool == false })
    }

    @Test("Slack's limits are kept")
    func limits() throws {
        for text in try Self.all() {
            let manifest = try Manifest(text)
            let texts = [
                (manifest["display_information.name"], 1...35),
                (manifest["display_information.description"], 1...140),
                (manifest["features.bot_user.display_name"], 1...80),
            ]
            #expect(manifest["features.bot_user.display_name"]?.string?.wholeMatch(of: /[a-z0-9_.-]+/) != nil)
            let ofCommands = manifest.commands.flatMap {
                [($0["command"], 2...32), ($0["description"], 1...2000), ($0["usage_hint"], 1...1000)]
            }
            #expect(manifest.commands.count == 1)
            #expect(manifest.commands.allSatisfy { $0["command"]?.string?.first == "/" })
            for (node, lengths) in texts + ofCommands {
                #expect(node?.string.map { lengths.contains($0.count) } == true, "\(String(describing: node))")
            }
        }
    }

    /// The schema that Slack publishes, where it is on this machine. It is not a part of this repository.
    private static let schema = ProcessInfo.processInfo.environment["VIRIDIAN_SLACK_SCHEMA"]

    @Test(
        "Slack's published schema accepts every form",
        .enabled(
            if: schema != nil && JSONSchemaChecker.path != nil,
            """
            VIRIDIAN_SLACK_SCHEMA names no file, or check-jsonschema is not there: schemas/manifest.schema.2.0.0.json of \
            github.com/slackapi/manifest-schema is the one, and script/bootstrap installs the other
            """))
    func published() async throws {
        let (schema, checker) = (try #require(Self.schema), try #require(JSONSchemaChecker.path))
        func check(_ text: String) async throws -> Completed {
            try await Command(checker, ["--schemafile", schema, "--default-filetype", "yaml", "-"], input: text)
                .run(deadline: .seconds(600))
        }
        for text in try Self.all() {
            let checked = try await check(text)
            #expect(checked.succeeded, "\(checked)")
        }
        // It is a schema of manifests: it refuses what is none.
        let changed = try Self.text(Self.https).replacing("is_enabled", with: "enabled")
        #expect(!(try await check(changed)).succeeded)
    }
}

/// A program that holds YAML against a JSON schema.
enum JSONSchemaChecker {
    static let path: String? = {
        let own = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../../.build/python/bin/check-jsonschema").standardizedFileURL.path
        return [own, "check-jsonschema"].first { Executable.find($0) != nil }
    }()
}
