import Foundation
import HTTPTransport
import Integrations
import ReleaseMachine
import Synchronization
import TestSupport
import Testing
import ViridianConfiguration

@Suite("A message goes to a receiver once, and to no place that its URL's name should not lead to")
struct WebhookSenderTests {
    private static let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

    private func sender(
        _ url: String, secrets: [String] = [], isPrivate: Bool = false, environment: [String: String] = [:],
        deadline: Duration = .seconds(600),
        resolve: @escaping @Sendable (String, Duration) async throws -> [IPAddress] = HostAddresses.resolve
    ) throws -> WebhookSender {
        let destination = NotifyConfiguration(
            name: "ops", url: try #require(URL(string: url)), secrets: secrets.map(Secret.init), isPrivate: isPrivate)
        return try WebhookSender(destination, environment: environment, deadline: deadline, resolve: resolve)
    }

    private func failure(_ body: () async throws -> String) async throws -> DeliveryFailure {
        try #require(await #expect(throws: DeliveryFailure.self) { _ = try await body() })
    }

    // MARK: - Answers

    @Test("what a receiver answers decides whether it is delivered, tried again or given up, with what to do")
    func statuses() async throws {
        let answers: [(reply: Reply, kind: DeliveryFailure.Kind, words: String)] = [
            (.text("later", status: 500), .unavailable(after: nil), "the receiver answers 500: later"),
            (
                .text("<html>Bad gateway</html>", status: 502), .unavailable(after: nil),
                "the receiver answers 502: an HTML page"
            ),
            (
                .text("", status: 503, headers: ["Retry-After": "90"]), .unavailable(after: .seconds(90)),
                "the receiver answers 503"
            ),
            (
                .text("slow down", status: 429, headers: ["Retry-After": "7"]), .limited(after: .seconds(7)),
                "the receiver limits (429: slow down)"
            ),
            (
                .text("", status: 429, headers: ["Retry-After": "99999"]), .limited(after: .seconds(3600)),
                "the receiver limits (429)"
            ),
            (
                .text("", status: 302, headers: ["Location": "http://169.254.169.254/latest/meta-data/"]), .refused,
                "the receiver redirects (302), which is not followed: put its final url into notify"
            ),
            (
                .text("gone", status: 410), .refused,
                "the receiver does not want messages any more (410: gone): remove it from notify"
            ),
            (
                .text("bad signature", status: 401), .refused,
                "the receiver does not accept the message (401: bad signature): check that secret and url in notify are the receiver's"
            ),
            (
                .text("", status: 404), .refused, "nothing takes messages there (404): check the url in notify"
            ),
            (
                .text("no text", status: 400), .refused,
                "the receiver does not accept the message (400: no text): check that url and format in notify are what it takes"
            ),
        ]
        try await withServer({ _, number in answers[number].reply }) { server in
            let sender = try sender(server.url)
            for answer in answers {
                let failure = try await failure { try await sender.send("{}", id: "msg_1") }
                #expect(failure.kind == answer.kind)
                #expect(failure.description == answer.words)
            }
            #expect(await server.requests.all.count == answers.count)
        }
    }

    @Test("the body goes out as it is, to the URL's path and query, with the headers of Standard Webhooks")
    func request() async throws {
        let body = #"{"type":"release.live","data":{"summary":"ü"}}"#
        try await withServer({ _, _ in .text("ok") }) { server in
            let sender = try sender("\(server.url)/hooks/a%20b?token=x%26y", secrets: [Self.secret, "whsec_c2Vjb25k"])
            #expect(try await sender.send(body, id: "msg_blog_42_live_x") == "200: ok")
            let request = try #require(await server.requests.all.first)
            #expect(request.method == "POST" && request.path == "/hooks/a%20b" && request.query == ["token": "x&y"])
            #expect(request.body == body && request.headers["content-type"] == "application/json")
            #expect(request.headers["webhook-id"] == "msg_blog_42_live_x")
            #expect(request.headers["webhook-signature"]?.split(separator: " ").count == 2)
            _ = try await self.sender(server.url).send("{}", id: "msg_1")
            let unsigned = try #require(await server.requests.all.last)
            #expect(unsigned.headers["webhook-id"] == nil && unsigned.path == "/")
        }
    }

    @Test("what a receiver says is shown in one line of 300 characters, without control characters and secrets")
    func words() async throws {
        let path = "/services/T000/B000/XXXXsecretXXXX"
        let long = String(repeating: "word ", count: 3_000_000)
        let replies = [
            Reply.text("a\u{1B}[31mred\r\n\tb\u{202E}c"), .text(long), .text("unknown \(path)", status: 400),
            .text("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw?", status: 400),
        ]
        try await withServer({ _, number in replies[number] }) { server in
            let sender = try sender(server.url + path, secrets: [Self.secret])
            #expect(try await sender.send("{}", id: "msg_1") == "200: a [31mred b c")
            let cut = try await sender.send("{}", id: "msg_1")
            #expect(cut.count == 305 && cut.hasSuffix("…"))
            for _ in 0..<2 {
                let failure = try await failure { try await sender.send("{}", id: "msg_1") }
                #expect(failure.description.contains("(secret)"))
                #expect(!failure.description.contains("XXXX") && !failure.description.contains("MfKQ"))
            }
        }
    }

    @Test("a receiver that hangs, drops the connection or is not there is tried again")
    func silence() async throws {
        let port = try unusedPort()
        let nobody = try sender("http://127.0.0.1:\(port)")
        let refused = try await failure { try await nobody.send("{}", id: "msg_1") }
        #expect(refused.kind == .unavailable(after: nil) && refused.description.contains("nothing is listening there"))
        try await withServer({ _, number in Reply(steps: [number == 0 ? .hang : .drop]) }) { server in
            let hanging = try sender(server.url, deadline: .milliseconds(300))
            let late = try await failure { try await hanging.send("{}", id: "msg_1") }
            #expect(
                late.kind == .unavailable(after: nil)
                    && late.description.contains("did not send a complete response within"))
            let dropping = try sender(server.url)
            let dropped = try await failure { try await dropping.send("{}", id: "msg_1") }
            #expect(dropped.kind == .unavailable(after: nil))
        }
    }

    @Test(
        "the library standardwebhooks accepts what is sent, with one secret, and with the old and the new while it is changed",
        .enabled("\(StandardWebhooksLibrary.reason)") { await StandardWebhooksLibrary.isThere })
    func library() async throws {
        let secrets = [Self.secret, "whsec_" + Data((0..<64).map { UInt8($0) }).base64EncodedString()]
        let stranger = "whsec_" + Data((1..<33).map { UInt8($0) }).base64EncodedString()
        let bodies = ["{}", #"{"type":"release.live","data":{"summary":"blog/42 (v1 → v2): \"ü\" 🚀\u0000"}}"#]
        var cases: [StandardWebhooksLibrary.Case] = []
        var expected: [Bool] = []
        try await withServer({ _, _ in .text("ok") }) { server in
            for used in [[secrets[0]], [secrets[1]], secrets] {
                for (number, body) in bodies.enumerated() {
                    _ = try await sender(server.url, secrets: used).send(body, id: "msg_blog_42_live_\(number)")
                    let received = try #require(await server.requests.all.last)
                    for secret in secrets + [stranger] {
                        cases.append(.init(secret: secret, body: received.body, headers: received.headers))
                        expected.append(used.contains(secret))
                    }
                    cases.append(.init(secret: used[0], body: received.body + " ", headers: received.headers))
                    var other = received.headers
                    other["webhook-id"] = "msg_blog_43_live_\(number)"
                    cases.append(.init(secret: used[0], body: received.body, headers: other))
                    expected += [false, false]
                }
            }
        }
        let accepted = try await StandardWebhooksLibrary.accepts(cases)
        #expect(accepted == expected)
    }

    // MARK: - Addresses

    @Test(
        "a name leads to public addresses only; to private ones where that is configured; to the link's never",
        arguments: [
            (["8.8.8.8"], true, true), (["2606:4700::1", "8.8.4.4"], true, true), (["64:ff9b::808:808"], true, true),
            (["127.0.0.1"], false, true), (["::1"], false, true), (["10.1.2.3"], false, true),
            (["192.168.0.9"], false, true), (["100.64.1.1"], false, true), (["fd12::1"], false, true),
            (["::ffff:10.0.0.1"], false, true), (["64:ff9b::a00:1"], false, true),
            (["8.8.8.8", "10.0.0.1"], false, true), (["169.254.169.254"], false, false), (["fe80::1"], false, false),
            (["fd00:ec2::254"], false, false), (["64:ff9b::a9fe:a9fe"], false, false), (["0.0.0.0"], false, false),
            (["::"], false, false), (["224.0.0.1"], false, false), (["8.8.8.8", "169.254.169.254"], false, false),
        ] as [([String], Bool, Bool)])
    func names(addresses: [String], isAllowed: Bool, isAllowedIfPrivate: Bool) async throws {
        let addresses = try addresses.map { try #require(IPAddress($0)) }
        for (isPrivate, expected) in [(false, isAllowed), (true, isAllowedIfPrivate)] {
            let destination = NotifyConfiguration(
                name: "ops", url: try #require(URL(string: "https://hooks.domain.com/x")), isPrivate: isPrivate)
            do {
                let reach = try await destination.reach(environment: [:]) { _, _ in addresses }
                #expect(expected && reach.contains("\(addresses[0])"), "\(reach)")
            } catch let failure as DeliveryFailure {
                #expect(!expected, "\(failure)")
                #expect(failure.kind == .refused)
                let hint = failure.description.contains("private: true")
                #expect(hint == isAllowedIfPrivate, "\(failure)")
            }
        }
    }

    @Test("an address in the URL, and localhost, are what the administrator wants")
    func literals() async throws {
        try await withServer({ _, _ in .text("ok") }) { server in
            for host in ["127.0.0.1", "localhost", "LOCALHOST"] {
                let sender = try sender("http://\(host):\(server.port)/")
                #expect(try await sender.send("{}", id: "msg_1") == "200: ok")
            }
            // Spelled so that only a resolver reads an address in them.
            for host in ["127.1", "2130706433", "0x7f.0.0.1"] {
                let sender = try sender("http://\(host):\(server.port)/")
                let refused = try await failure { try await sender.send("{}", id: "msg_1") }
                #expect(refused.description.contains("resolves to 127.0.0.1, a private address"), "\(refused)")
            }
            #expect(await server.requests.all.count == 3)
        }
    }

    @Test("the connection goes to the address that was checked, once a message; the next one if nothing answers there")
    func pinned() async throws {
        let answers = Mutex(["127.0.0.2", "127.0.0.1"])
        let asked = Mutex(0)
        try await withServer({ _, _ in .text("ok") }) { server in
            let sender = try sender("http://hooks.invalid:\(server.port)/x", isPrivate: true) { name, _ in
                #expect(name == "hooks.invalid")
                asked.withLock { $0 += 1 }
                return answers.withLock { $0 }.compactMap { IPAddress($0) }
            }
            #expect(try await sender.send("{}", id: "msg_1") == "200: ok")
            #expect(await server.requests.all.map(\.authority) == ["hooks.invalid:\(server.port)"])
            #expect(asked.withLock { $0 } == 1)
            // The name leads elsewhere the next moment.
            answers.withLock { $0 = ["169.254.169.254"] }
            let refused = try await failure { try await sender.send("{}", id: "msg_1") }
            #expect(refused.kind == .refused && refused.description.contains("169.254.169.254"))
            #expect(await server.requests.all.count == 1)
        }
    }

    @Test("a name that does not resolve is tried again")
    func unresolvable() async throws {
        let sender = try sender("https://no-such-host.invalid/")
        let failure = try await failure { try await sender.send("{}", id: "msg_1") }
        #expect(failure.kind == .unavailable(after: nil) && failure.description.contains("does not resolve"))
    }

    @Test("a proxy resolves the name itself")
    func proxy() async throws {
        try await withServer({ _, _ in .text("ok") }) { server in
            try await withConnectProxy(to: { $0 == "hooks.invalid:80" ? server.port : nil }) { proxy in
                let sender = try sender(
                    "http://hooks.invalid/x", environment: ["http_proxy": "http://127.0.0.1:\(proxy.port)"]
                ) { _, _ in
                    Issue.record("resolved here")
                    return []
                }
                let answer = try await sender.send("{}", id: "msg_1")
                #expect(answer == "200: ok")
                #expect(await proxy.asked.all.count == 1)
            }
        }
    }
}
