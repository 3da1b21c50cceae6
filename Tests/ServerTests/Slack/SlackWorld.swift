import Controller
import Foundation
import HTTPTransport
import Integrations
import Journal
import ReleaseMachine
import TestSupport
import Testing
import ViridianConfiguration

@testable import Server

/// A server that takes requests from a Slack on loopback: people press buttons and type commands, and read what they are told.
struct SlackWorld: Sendable {
    let slack: FakeSlack
    let server: TestServer
    /// The message of some release, for buttons.
    let message: FakeSlack.Message

    static let url = "https://deploy.domain.com"

    static let users: [SlackConfiguration.User] = [
        .init(.id(FakeSlack.Person.mike.id), name: "mike", role: .deployer, apps: ["blog"]),
        .init(.email("ann@domain.com"), name: "ann", role: .admin),
        .init(.id(FakeSlack.Person.bob.id), name: "bob", role: .viewer),
    ]

    static func run<Value: Sendable>(
        apps: [String] = ["blog", "shop"], folder: TestFolder? = nil, world: FakeWorld? = nil,
        users: [SlackConfiguration.User] = users, signingSecret: String? = FakeSlack.App().signingSecret,
        socket: FakeSlackSocket? = nil, weather: [(FakeSlack.Fault, String?)] = [],
        configure: @escaping @Sendable (inout AppConfiguration) -> Void = { _ in },
        settings change: @escaping @Sendable (inout ServerSettings) -> Void = { _ in },
        _ body: @escaping @Sendable (SlackWorld) async throws -> Value
    ) async throws -> Value {
        try await FakeSlack.with { slack, api in
            for (fault, method) in weather { await slack.happen(fault, to: method) }
            if let socket { await slack.setSocketURL { await socket.ticket() } }
            let configuration = SlackConfiguration(
                token: Secret(slack.app.token), signingSecret: signingSecret.map { Secret($0) },
                appToken: socket.map { _ in Secret(slack.app.appToken) }, channel: "#deploys",
                api: try #require(URL(string: api)), users: users)
            // What Slack does not answer waits until the test lets it.
            let access = SlackAccess(configuration, try SlackClient(configuration, deadline: .seconds(3600)))
            let message = await slack.postByAnotherApp("a release", in: "C024BE91L")
            return try await withServer(
                apps: apps, folder: folder, world: world, slack: access, configure: configure,
                settings: {
                    $0.url = url
                    change(&$0)
                }
            ) { server in
                try await body(SlackWorld(slack: slack, server: server, message: message))
            }
        }
    }

    // MARK: - What people do

    func press(_ button: String, _ release: String, by person: FakeSlack.Person) async -> FakeSlack.Interaction {
        await slack.press(FakeSlack.Button(button, value: release), in: message, by: person)
    }

    /// Slack sends an interaction, which has to be answered with 200 at once.
    func send(_ interaction: FakeSlack.Interaction) async throws {
        let answer = try await post(interaction.path, interaction.body)
        await slack.answered(interaction, status: answer.status, body: answer.text)
        #expect(answer.status == 200, "\(answer)")
    }

    func post(
        _ path: String, _ body: String, headers: [String: String]? = nil
    ) async throws -> TestServer.Answer {
        try await server.call("POST", path, body, token: "", headers: headers ?? slack.headers(for: body))
    }

    /// Types a command, and reads the answer.
    func say(_ text: String, by person: FakeSlack.Person) async throws -> String {
        let interaction = await slack.type(text, by: person)
        return try await answer(to: interaction, for: person)
    }

    func click(_ button: String, _ release: String, by person: FakeSlack.Person) async throws -> String {
        try await answer(to: press(button, release, by: person), for: person)
    }

    private func answer(to interaction: FakeSlack.Interaction, for person: FakeSlack.Person) async throws -> String {
        let before = await slack.told(person).count
        try await send(interaction)
        let told = try await slack.wait(for: "an answer") { slack in
            let told = slack.told(person)
            return told.count > before ? told.last : nil
        }
        return told.text
    }

    // MARK: - What happens

    /// A release that awaits promotion.
    func paused(_ version: String = "v2", app: String = "blog") async throws -> Release {
        let number = (try await server.journal.numbers(app: app, limit: 1).first ?? 0) + 1
        let answer = try await server.deploy(version, app: app, more: #", "verify": true, "reason": "fix of prices""#)
        #expect(answer.status == 201, "\(answer)")
        let release = try await server.release(number, app: app, in: .paused)
        #expect(release.state == .paused)
        return release
    }

    func audit(_ action: String) async throws -> [AuditEntry] {
        try await server.journal.audit(limit: 200).filter { $0.action == action }
    }
}
