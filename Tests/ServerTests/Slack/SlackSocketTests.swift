import Foundation
import Integrations
import Journal
import ReleaseMachine
import TestSupport
import Testing

@testable import Server

@Suite("Requests over Socket Mode", .timeLimit(.minutes(10))) struct SlackSocketTests {
    private func run(
        settings: @escaping @Sendable (inout ServerSettings) -> Void = { _ in },
        _ test: @escaping @Sendable (SlackWorld, FakeSlackSocket) async throws -> Void
    ) async throws {
        try await FakeSlackSocket.with { socket in
            try await SlackWorld.run(signingSecret: nil, socket: socket, settings: settings) { world in
                try await test(world, socket)
                #expect(await socket.mistakes.isEmpty)
                #expect(await world.slack.mistakes.isEmpty)
            }
        }
    }

    private func has(_ metric: String, _ world: SlackWorld) -> Bool {
        world.server.services.metrics.text.contains(metric + "\n")
    }

    @Test("a button that comes on both connections acts once, both are acknowledged, and the person is told once")
    func button() async throws {
        try await run { world, socket in
            _ = try await world.paused()
            await socket.wait(forConnections: 2)
            let click = await world.press("promote", "blog/1", by: .mike)
            for connection in await socket.ready {
                try await socket.send("e1", type: "interactive", payload: click.payload, on: connection)
            }
            await socket.wait { $0.acknowledgements.count == 2 }
            #expect(await socket.acknowledgements.map(\.text) == Array(repeating: #"{"envelope_id":"e1"}"#, count: 2))
            let release = try await world.server.release(1, in: .live)
            #expect(release.promotedBy == "mike")
            _ = try await world.slack.wait(for: "an answer") { $0.told(.mike).last }
            #expect(try await world.audit("promote").map(\.who) == ["mike (Slack U024BE7LH)"])
            #expect(has(#"viridian_slack_requests_total{kind="actions",result="accepted"} 1"#, world))
            #expect(has(#"viridian_slack_requests_total{kind="actions",result="repeated"} 1"#, world))
            #expect(has("viridian_slack_connections 2", world))
            #expect(await world.slack.told(.mike).count == 1)
        }
    }

    @Test("commands arrive without a signing secret, for which the addresses are off")
    func command() async throws {
        try await run { world, socket in
            await socket.wait(forConnections: 2)
            let typed = await world.slack.type("status blog", by: .bob)
            try await world.slack.send(typed, over: socket)
            let told = try await world.slack.wait(for: "an answer") { $0.told(.bob).last }
            #expect(told.text.contains("blog"))
            let posted = try await world.post(typed.path, typed.body)
            #expect(posted.status == 404)
            #expect(posted.text.contains("they come by Socket Mode"))
        }
    }

    @Test("what cannot be read is acknowledged, so that Slack does not send it for ever, and does nothing")
    func junk() async throws {
        try await run { world, socket in
            await socket.wait(forConnections: 2)
            let junk = [
                "{}", #"{"command": "deploy"}"#, #"{"type": "block_actions"}"#, #"{"type": "view_submission"}"#,
            ]
            for (number, payload) in junk.enumerated() {
                for type in ["slash_commands", "interactive"] {
                    try await socket.send("\(type) \(number)", type: type, payload: payload)
                    await socket.wait(forAcknowledgement: "\(type) \(number)")
                }
            }
            #expect(has(#"viridian_slack_requests_total{kind="commands",result="malformed"} 4"#, world))
            #expect(has(#"viridian_slack_requests_total{kind="actions",result="malformed"} 3"#, world))
            #expect(has(#"viridian_slack_requests_total{kind="actions",result="ignored"} 1"#, world))
        }
    }

    @Test("who asks for too much is told so at once")
    func tooMany() async throws {
        try await run(settings: { $0.rateLimits.window = .seconds(86_400) }) { world, socket in
            await socket.wait(forConnections: 2)
            for _ in 0..<31 {
                try await world.slack.send(await world.slack.type("status shop", by: .bob), over: socket)
            }
            _ = try await world.slack.wait(for: "the sentence") { slack in
                slack.told(.bob).first { $0.text.contains("Too many requests") }
            }
        }
    }

    @Test("a Slack that lets nobody connect: releases take no notice")
    func away() async throws {
        try await FakeSlackSocket.with { socket in
            await socket.set(.refuses(503))
            try await SlackWorld.run(signingSecret: nil, socket: socket) { world in
                await socket.wait { $0.refusals >= 1 }
                #expect(has("viridian_slack_connections 0", world))
                let ready = try await world.server.get("/readyz")
                #expect(ready.status == 200)
                let release = try await world.paused()
                let answer = try await world.server.post("/api/v1/apps/blog/releases/\(release.order.number)/promote")
                #expect(answer.status == 202)
                _ = try await world.server.release(release.order.number, in: .live)
            }
        }
    }
}
