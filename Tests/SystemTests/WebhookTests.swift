import Foundation
import HTTPTransport
import Kubernetes
import Processes
import TestSupport
import Testing

extension Releases {
    /// Outgoing webhooks of whole releases.
    @Suite("Webhooks") struct WebhookTests {
        private static let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

        @Test(
            "a receiver gets signed messages of a whole release in order, also after errors and a kill of the server in the middle of one"
        )
        func order() async throws {
            // The server is killed while it waits for the answer to the third message; then that is refused once.
            let gate = Gate()
            let script: @Sendable (Received, Int) -> Reply = { _, number in
                number == 2 ? Reply(steps: [.wait(gate)]) : .text("", status: number == 3 ? 500 : 204)
            }
            try await withServer({ script($0, $1) }) { receiver in
                try await withWorld(nodes: 1, .init(more: "verify: {required: true, timeout: 10m}")) { world in
                    try world.write(
                        world.read("viridian.yaml")
                            + "notify: [{name: ops, url: '\(receiver.url)/in', secret: \(Self.secret)}]\n",
                        to: "viridian.yaml")
                    let token = try await world.token()
                    try await world.serving(endingWith: SIGKILL) { server in
                        let answer = try await server.post(
                            "/api/v1/apps/blog/releases", #"{"version": "v1", "reason": "fix login"}"#, token: token)
                        #expect(answer.status == 201)
                        let isSending = try await eventually { await receiver.requests.all.count == 3 }
                        #expect(isSending)
                    }
                    await gate.open()
                    try await world.serving { server in
                        try await server.wait(for: "paused", of: 1, token)
                        let answer = try await server.post(
                            "/api/v1/apps/blog/releases/1/promote", "{}", token: token)
                        #expect(answer.status == 202)
                        try await server.wait(for: "live", of: 1, token)
                        let isTold = try await eventually {
                            await receiver.requests.all.last?.body.contains(#""type":"release.live""#) == true
                        }
                        let all = await receiver.requests.all.map { "\($0.headers)\n\($0.body)" }
                        #expect(isTold, "\(all)")
                    }
                    try await check(await receiver.requests.all)
                }
            }
        }

        private func check(_ requests: [Received]) async throws {
            // What the server was killed over, or was refused, comes again, as the same message.
            var types: [String] = []
            var ids: [String] = []
            for request in requests {
                let message = try JSON(parsing: Data(request.body.utf8))
                let (id, type) = (
                    try #require(request.headers["Webhook-Id"] ?? request.headers["webhook-id"]),
                    try #require(message["type"]?.string)
                )
                #expect(
                    message[at: "data.release.version"] == "v1" && message[at: "data.release.reason"] == "fix login")
                if id != ids.last {
                    #expect(!ids.contains(id), "no message after a later one: \(ids) \(id)")
                    ids.append(id)
                    types.append(type)
                }
            }
            let wanted = ["requested", "started", "paused", "promoted", "live"].map { "release.\($0)" }
            #expect(types == wanted)
            #expect(requests.count > wanted.count)
            let verdicts = try await verify(requests)
            #expect(verdicts == requests.map { _ in true })
        }

        /// By another implementation of Standard Webhooks.
        private func verify(_ requests: [Received]) async throws -> [Bool] {
            let cases = requests.map { request -> [String: Any] in
                [
                    "scheme": "standard", "secret": Self.secret, "body": Data(request.body.utf8).base64EncodedString(),
                    "now": Int(Date().timeIntervalSince1970),
                    "headers": Dictionary(request.headers.map { ($0.key.lowercased(), $0.value) }) { $1 },
                ]
            }
            let input = try JSONSerialization.data(withJSONObject: ["cases": cases])
            let python = try #require(await Python.find("hmac"))
            let said = try await Command(
                python, [Python.oracle("webhook-signatures.py")], input: String(decoding: input, as: UTF8.self)
            ).run(deadline: .seconds(600), keeping: 1 << 20)
            let answers = try JSON(parsing: Data(said.output.utf8))["answers"]?.array
            return try #require(answers, "\(said.error)").map { $0 == true }
        }
    }
}
