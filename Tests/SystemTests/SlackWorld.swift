import Foundation
import HTTPTransport
import Kubernetes
import TestSupport
import Testing

/// A world whose server tells its releases to a stand-in for Slack, and takes commands and buttons from it.
struct SlackWorld: Sendable {
    let world: World
    let slack: FakeSlack
    /// An administrator's, anna's.
    let token: String
    let port: Int
    /// Where the server opens connections to Slack; `nil`: Slack sends signed requests to the server.
    let socket: FakeSlackSocket?

    /// A world with Socket Mode in place of signed requests.
    static func withSocketMode(_ body: @escaping @Sendable (SlackWorld) async throws -> Void) async throws {
        try await FakeSlackSocket.with { socket in
            try await with(by: socket, body)
            let mistakes = await socket.mistakes
            #expect(mistakes.isEmpty, "\(mistakes)")
        }
    }

    static func with(
        _ app: World.App = .init(more: "verify: {required: true, timeout: 10m}"), by socket: FakeSlackSocket? = nil,
        nodes: Int = 1, more: String = "", _ body: @escaping @Sendable (SlackWorld) async throws -> Void
    ) async throws {
        let ports = try await Ports.shared.some(2)
        try await FakeSlack.with(port: ports[0]) { slack, api in
            try await withWorld(nodes: nodes, app) { world in
                if let socket { await slack.setSocketURL { await socket.ticket() } }
                let key =
                    socket == nil
                    ? "signingSecret: \(slack.app.signingSecret)" : "appToken: \(slack.app.appToken)"
                let configuration = """
                    server: {url: 'http://127.0.0.1:\(ports[1])'}
                    slack:
                      token: \(slack.app.token)
                      \(key)
                      channel: '#deploys'
                      api: \(api)
                      users:
                        - {slack: U024BE7LH, name: mike, role: deployer, apps: [blog]}
                        - {email: ann@domain.com, name: ann, role: deployer}
                    \(more)

                    """
                try world.write(world.read("viridian.yaml") + configuration, to: "viridian.yaml")
                let token = try await world.token()
                try await body(SlackWorld(world: world, slack: slack, token: token, port: ports[1], socket: socket))
                // Nothing that Slack refuses was asked of it, and nothing that it advises against was done.
                let mistakes = await slack.mistakes
                #expect(mistakes.isEmpty, "\(mistakes)")
            }
        }
    }

    func serving<Value: Sendable>(
        endingWith signal: Int32 = SIGTERM, _ body: @escaping @Sendable (Serving) async throws -> Value
    ) async throws -> Value {
        try await world.serving(port: port, endingWith: signal, body)
    }

    /// Requests a release from the API.
    func request(
        _ version: String, of server: Serving, _ more: String = "", token: String? = nil
    ) async throws {
        let body = #"{"version": "\#(version)"\#(more.isEmpty ? "" : ", \(more)")}"#
        let answer = try await server.post("/api/v1/apps/blog/releases", body, token: token ?? self.token)
        try #require(answer.status == 201, "\(String(decoding: answer.body, as: UTF8.self))")
    }

    /// The message of a release in the channel, as soon as it is as wanted.
    func message(
        of release: Int, where isWanted: @escaping @Sendable (FakeSlack.Message) -> Bool = { _ in true }
    ) async throws -> FakeSlack.Message {
        try await slack.message { $0.tells(of: release) && isWanted($0) }
    }

    /// How many messages, outside of threads, tell of a release.
    func count(of release: Int) async -> Int {
        await slack.messages(in: "deploys").count { $0.tells(of: release) }
    }

    /// Lets Slack tell the server what somebody did, and read what it answers at once.
    func send(_ interaction: FakeSlack.Interaction, to server: Serving) async throws {
        if let socket { return try await slack.send(interaction, over: socket) }
        let start = ContinuousClock.now
        let answer = try await post(interaction, to: server)
        await slack.answered(
            interaction, status: answer.status, body: String(decoding: answer.body, as: UTF8.self),
            after: start.duration(to: .now))
    }

    /// A signed request alone, maybe with other headers than Slack's.
    func post(
        _ interaction: FakeSlack.Interaction, to server: Serving, headers more: [String: String] = [:]
    ) async throws -> HTTPConnection.Response {
        var headers = HTTPConnection.Headers()
        for (name, value) in slack.headers(for: interaction.body).merging(more, uniquingKeysWith: { $1 }) {
            headers[name] = value
        }
        return try await server.http.send(
            .init("POST", interaction.path, headers: headers, body: Data(interaction.body.utf8)))
    }

    /// Somebody presses a button that is there now.
    func press(
        _ action: String, in message: FakeSlack.Message, by person: FakeSlack.Person, on server: Serving
    ) async throws {
        try await send(try await slack.press(action, in: message, by: person), to: server)
    }

    /// Somebody types a command, and reads the answer that only they see.
    func type(_ text: String, by person: FakeSlack.Person, on server: Serving) async throws -> String {
        let before = await slack.told(person).count
        try await send(await slack.type(text, by: person), to: server)
        return try await slack.wait(for: "an answer to \(text)") { slack in
            let told = slack.told(person)
            return told.count > before ? told[told.count - 1].shown : nil
        }
    }
}

extension FakeSlack.Message {
    /// It is the message of this release, by its first line.
    fileprivate func tells(of release: Int) -> Bool {
        thread == nil && shown.prefix { $0 != "\n" }.contains("blog/\(release) ")
    }
}

/// Somebody who is signed in to the pages.
struct PageSession: Sendable {
    let server: Serving
    let cookie: String

    init(_ token: String, on server: Serving) async throws {
        let form = "token=\(token)&next=/"
        let answer = try await server.http.send(
            .init(
                "POST", "/signin",
                headers: ["Content-Type": "application/x-www-form-urlencoded", "Origin": server.url],
                body: Data(form.utf8)))
        let cookie = try #require(answer.headers["Set-Cookie"]?.split(separator: ";").first, "\(answer)")
        self.server = server
        self.cookie = String(cookie)
    }

    /// Opens a page of the server.
    func page(_ path: String) async throws -> String {
        let answer = try await server.http.send(.init("GET", path, headers: ["Cookie": cookie]))
        try #require(answer.status == 200, "\(path): \(answer.status)")
        return String(decoding: answer.body, as: UTF8.self)
    }

    /// Sends the form of a page of confirmation.
    func confirm(_ page: String, at path: String) async throws {
        func field(_ name: String) throws -> String {
            let pattern = try Regex("name=\"\(name)\" value=\"([^\"]*)\"")
            return String(try #require(page.firstMatch(of: pattern))[1].substring ?? "")
        }
        let body = "csrf=\(try field("csrf"))&key=\(try field("key"))"
        let answer = try await server.http.send(
            .init(
                "POST", path,
                headers: [
                    "Cookie": cookie, "Content-Type": "application/x-www-form-urlencoded", "Origin": server.url,
                ], body: Data(body.utf8)))
        #expect(answer.status == 303, "\(answer.status)")
    }
}
