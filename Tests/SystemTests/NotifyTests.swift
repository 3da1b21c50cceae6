import Foundation
import Kubernetes
import TestSupport
import Testing

extension ShortCommands {
    @Suite("Whoever operates notifications")
    struct NotifyTests {
        private static let token = "ghp_0123456789secret"
        private static let key = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

        private func configure(_ world: World, _ more: String) throws {
            try world.write(world.read("viridian.yaml") + more, to: "viridian.yaml")
        }

        @Test("notify test says what the receiver answered, or what to do; in this process as through a server")
        func test() async throws {
            let forge = FakeGitHub(token: Self.token, commits: [:])
            try await withServer({ request, _ in
                request.path == "/hooks/chat"
                    ? .text("no such hook", status: 410)
                    : request.path == "/hooks/ops" ? .text("", status: 204) : await forge.answer(request)
            }) { receiver in
                try await withWorld(nodes: 1) { world in
                    try configure(
                        world,
                        """
                        report: {github: {token: \(Self.token), api: "\(receiver.url)"}}
                        notify:
                        - {name: ops, url: "\(receiver.url)/hooks/ops", secret: "\(Self.key)"}
                        - {name: chat, url: "\(receiver.url)/hooks/chat", format: slack-webhook}

                        """)
                    let token = try await world.token()
                    try await world.serving { server in
                        for options in [[], ["--server", server.url, "--token", token]] {
                            func notify(_ words: String...) async throws -> Program.Said {
                                try await world.viridian.run(["notify", "test"] + words + options)
                            }
                            let ops = try await notify("ops")
                            #expect(ops.status == 0 && ops.output.hasPrefix("ops: ") && ops.error == "", "\(ops)")
                            #expect(ops.output.contains("204"), "\(ops)")
                            let chat = try await notify("chat")
                            #expect(chat.status == 1 && chat.output == "", "\(chat)")
                            #expect(chat.error.contains("chat: ") && chat.error.contains("410"), "\(chat)")
                            let github = try await notify("github")
                            #expect(
                                github.output == "github: GitHub accepts the token; nothing was written there\n",
                                "\(github)")
                            let json = try await notify("ops", "-o", "json")
                            let delivered = try json.jsonLines.first?["delivered"]
                            #expect(delivered == true, "\(json)")
                            let unknown = try await notify("obs")
                            #expect(unknown.status == 1, "\(unknown)")
                            #expect(
                                unknown.error.contains(
                                    "there is no destination obs: the destinations are chat, github, ops"), "\(unknown)"
                            )
                            #expect(!(ops.output + chat.error + github.output).contains(Self.token))
                        }
                    }
                    let audit = try await world.viridian("audit", "-o", "json").jsonLines
                        .filter { $0["action"] == "notification.test" }
                    #expect(audit.count == 8, "\(audit.map(\.text))")
                    #expect(await forge.deployments.isEmpty)
                }
            }
        }

        @Test("notify list takes one of --failed and --pending; an empty answer says why it is empty")
        func list() async throws {
            try await withWorld(nodes: 1) { world in
                let both = try await world.viridian("notify", "list", "--failed", "--pending")
                #expect(both.status == 64 && both.error.contains("exclude each other"), "\(both)")
                let all = try await world.viridian("notify", "list")
                #expect(all.output == "nothing was sent to other systems yet\n", "\(all)")
                let failed = try await world.viridian("notify", "list", "blog", "--failed", "--to", "ops")
                #expect(failed.output == "no notification matches\n", "\(failed)")
                let json = try await world.viridian("notify", "list", "--pending", "-o", "json")
                #expect(json.status == 0 && json.output == "", "\(json)")
            }
        }

        @Test("check says of each destination whether it is reached and how to fix it; none of it stops a release")
        func check() async throws {
            let forge = FakeGitHub(token: Self.token, commits: [:])
            await forge.classify("repo", until: "2026-01-01")
            try await withServer({ request, _ in await forge.answer(request) }) { github in
                try await withWorld(nodes: 1) { world in
                    try configure(
                        world,
                        """
                        report: {github: {token: \(Self.token), api: "\(github.url)"}}
                        notify:
                        - {name: ops, url: "https://127.0.0.1:1/hooks", secret: "\(Self.key)"}
                        - {name: chat, url: "https://hooks.invalid/chat", format: slack-webhook}

                        """)
                    let check = try await world.viridian("check")
                    #expect(check.status == 0, "\(check)")
                    func line(_ start: String) -> String? { check.lines.first { $0.contains(" \(start)") } }
                    #expect(
                        line("notify ops:")
                            == "ok       notify ops: 127.0.0.1 is an address; viridian notify test ops sends a message")
                    #expect(line("notify chat:")?.hasPrefix("warning  notify chat: ") == true, "\(check)")
                    #expect(line("notify chat:")?.contains("hooks.invalid") == true, "\(check)")
                    #expect(
                        line("report.github:")
                            == "warning  report.github: GitHub accepts the token, which is valid until 2026-01-01. "
                            + "To fix: put a new token into report.github.token", "\(check)")
                    #expect(!check.output.contains(Self.token) && !check.output.contains(Self.key))
                }
            }
        }

        @Test("check names Slack's workspace and bot, and each scope that is missing, with how to add it")
        func slack() async throws {
            try await FakeSlack.with { slack, url in
                try await withWorld(nodes: 1) { world in
                    func lines(_ settings: String) async throws -> [String] {
                        try configure(world, settings)
                        let check = try await world.viridian("check")
                        #expect(check.status == 0, "\(check)")
                        #expect(!check.output.contains(slack.app.token) && !check.output.contains(slack.app.appToken))
                        return check.lines.filter { $0.contains(" slack: ") }
                    }
                    await slack.setSocketURL { "wss://127.0.0.1:1/link" }
                    let before = try world.read("viridian.yaml")
                    let good = """
                        slack:
                          {token: \(slack.app.token), signingSecret: \(slack.app.signingSecret), appToken: \(slack.app.appToken),
                           channel: "#deploys", api: "\(url)", users: [{email: ann@domain.com, name: ann, role: admin}]}

                        """
                    let all = try await lines(good)
                    #expect(all.allSatisfy { $0.hasPrefix("ok ") }, "\(all)")
                    #expect(all.contains { $0.contains("the token posts as viridian in the workspace") }, "\(all)")
                    #expect(all.contains { $0.contains("the app has the scopes that it needs") }, "\(all)")
                    #expect(all.contains { $0.contains("Socket Mode: Slack accepts the app token") }, "\(all)")

                    // The token that works is not the one to change.
                    try world.write(before, to: "viridian.yaml")
                    let wrongApp = try await lines(good.replacing(slack.app.appToken, with: "xapp-1-wrong"))
                    #expect(
                        wrongApp.contains {
                            $0.hasPrefix("warning  slack: Socket Mode: ") && $0.contains("slack.appToken")
                                && !$0.contains("slack.token")
                        }, "\(wrongApp)")

                    await slack.setScopes(["chat:write"])
                    try world.write(before, to: "viridian.yaml")
                    let few = try await lines(good)
                    for scope in ["chat:write.public", "commands", "users:read, users:read.email"] {
                        #expect(
                            few.contains {
                                $0.hasPrefix("warning") && $0.contains("the scope \(scope) is missing. To fix: ")
                            },
                            "\(scope): \(few)")
                    }

                    try world.write(before, to: "viridian.yaml")
                    let wrong = try await lines(
                        "slack: {token: xoxb-wrong, channel: \"#deploys\", api: \"\(url)\"}\n")
                    #expect(
                        wrong.contains { $0.contains("Slack does not accept the token (invalid_auth)") }, "\(wrong)")
                    #expect(wrong.contains { $0.contains("messages have no buttons") }, "\(wrong)")

                    try world.write(before, to: "viridian.yaml")
                    let unreached = try await lines(
                        "slack: {token: \(slack.app.token), signingSecret: x, channel: \"#deploys\", api: \"\(url)\"}\n"
                    )
                    #expect(
                        unreached.contains { $0.contains("Slack can only call servers with an https:// address") },
                        "\(unreached)")
                }
            }
        }
    }
}
