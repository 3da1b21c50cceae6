import Foundation
import HTTPTransport
import Integrations
import Logging
import TestSupport
import Testing

/// Envelopes as Slack's documentation has them (https://docs.slack.dev/apis/events-api/using-socket-mode), written anew.
private enum Sample {
    static let command = #"""
        {"token": "0b1f", "team_id": "T0123ABCD", "team_domain": "domain", "channel_id": "C024BE91L", "channel_name": "deploys",
         "user_id": "U024BE7LH", "user_name": "mike", "command": "/deploy", "text": "promote blog \u00fc \ud83d\ude80 \"now\" 1/2",
         "api_app_id": "A0123APP4", "is_enterprise_install": "false", "trigger_id": "13345224609.738474920.8088930838d8",
         "response_url": "https://hooks.slack.com/commands/T0123ABCD/1234/5678"}
        """#
    static let button = #"""
        {"type": "block_actions", "team": {"id": "T0123ABCD", "domain": "domain"}, "enterprise": null, "is_enterprise_install": false,
         "user": {"id": "U024BE7LH", "username": "mike", "name": "mike", "team_id": "T0123ABCD"}, "api_app_id": "A0123APP4",
         "token": "0b1f", "trigger_id": "12321423423.333649436676.d8c1bb837935",
         "container": {"type": "message", "message_ts": "1548261231.000200", "channel_id": "C024BE91L", "is_ephemeral": false},
         "channel": {"id": "C024BE91L", "name": "deploys"},
         "message": {"bot_id": "B0123", "type": "message", "text": "blog 42", "user": "U0BOT", "ts": "1548261231.000200", "blocks": []},
         "state": {"values": {}}, "response_url": "https://hooks.slack.com/actions/T0123ABCD/1234/5678",
         "actions": [{"action_id": "promote", "block_id": "words 7", "text": {"type": "plain_text", "text": "Promote", "emoji": true},
                      "value": "blog/42", "style": "primary", "type": "button", "action_ts": "1548426417.840180"}]}
        """#
    static let event = #"""
        {"token": "0b1f", "team_id": "T0123ABCD", "api_app_id": "A0123APP4", "type": "event_callback", "event_id": "Ev123",
         "event_time": 1611800000, "event": {"type": "app_mention", "user": "U024BE7LH", "text": "<@U0BOT>", "ts": "1611800000.000100"}}
        """#
    static let envelopes: [(id: String, type: String, payload: String, retry: Int?)] = [
        ("dbdd0ef3-1543-4f94-bfb4-133d0e6c1545", "slash_commands", command, nil),
        ("a7a1fc4a-0f5e-4d4a-8a4e-6d7f1f5c7a10", "interactive", button, nil),
        ("7f1f5c7a-e12c-48f2-b1ac-9dbd0ef31543", "events_api", event, nil),
        ("11111111-e12c-48f2-b1ac-9dbd0ef31543", "slash_commands", command, 1),
    ]
}

private let needsLibraries: Comment = "no python3 has slack-sdk and websockets (script/bootstrap installs them)"
private func isThere() async -> Bool {
    for modules in ["slack_sdk.socket_mode", "websockets.asyncio.server"] where await Python.find(modules) == nil {
        return false
    }
    return true
}

@Suite("Socket Mode and other people's libraries", .enabled(needsLibraries, isThere), .timeLimit(.minutes(10)))
struct SocketModeOracleTests {
    /// JSON in one way of writing it.
    private func canonical(_ json: some Collection<UInt8>) throws -> String {
        let value = try JSONSerialization.jsonObject(with: Data(json), options: .fragmentsAllowed)
        return String(
            decoding: try JSONSerialization.data(withJSONObject: value, options: [.sortedKeys, .fragmentsAllowed]),
            as: UTF8.self)
    }

    @Test("Slack's library reads the same requests out of the same envelopes, and acknowledges them the same way")
    func slackSDK() async throws {
        let ours = try await readByUs()
        let theirs = try await readBySDK()
        #expect(ours.acknowledgements.count == Sample.envelopes.count)
        #expect(ours.acknowledgements == theirs.acknowledgements)
        // Ours gives on only what people ask for.
        #expect(ours.requests.count == 3)
        #expect(ours.requests == theirs.requests.filter { !$0.contains("events_api") })
    }

    /// A request as Slack's library writes it, and the acknowledgements by envelope.
    private typealias Reading = (requests: [String], acknowledgements: [String: String])

    private func acknowledgements(at slack: FakeSlackSocket) async throws -> [String: String] {
        for envelope in Sample.envelopes { await slack.wait(forAcknowledgement: envelope.id) }
        #expect(await slack.mistakes.isEmpty)
        return Dictionary(
            try await slack.acknowledgements.map { ($0.envelope, try canonical($0.text.utf8)) }
        ) { $1 }
    }

    private func readByUs() async throws -> Reading {
        let (requests, received) = AsyncStream.makeStream(of: Reading.self)
        try await SocketModeBench.run { bench in
            await bench.slack.wait(forConnections: 2)
            let connection = await bench.slack.ready[0]
            for envelope in Sample.envelopes {
                try await bench.slack.send(
                    envelope.id, type: envelope.type, payload: envelope.payload, on: connection, retry: envelope.retry)
            }
            let answers = try await acknowledgements(at: bench.slack)
            let requests = try await bench.received.all.map { envelope in
                var object: [String: Any] = [
                    "envelope_id": envelope.id, "type": envelope.type,
                    "payload": try JSONSerialization.jsonObject(with: Data(envelope.payload)),
                    "accepts_response_payload": envelope.acceptsResponse, "retry_attempt": NSNull(),
                    "retry_reason": NSNull(),
                ]
                if let attempt = envelope.retryAttempt { object["retry_attempt"] = attempt }
                if let reason = envelope.retryReason { object["retry_reason"] = reason }
                return try canonical(try JSONSerialization.data(withJSONObject: object))
            }
            received.yield((requests, answers))
        }
        var all = requests.makeAsyncIterator()
        return try #require(await all.next())
    }

    private func readBySDK() async throws -> Reading {
        try await FakeSlackSocket.with { socket in
            try await FakeSlack.with { slack, url in
                await slack.setSocketURL { await socket.ticket() }
                let order =
                    #"{"api": "\#(url)/", "appToken": "\#(slack.app.appToken)", "requests": \#(Sample.envelopes.count)}"#
                return try await PythonProgram.with(
                    "socket-mode-client.py", modules: "slack_sdk.socket_mode", input: order
                ) { library in
                    await socket.wait(forConnections: 1)
                    for envelope in Sample.envelopes {
                        try await socket.send(
                            envelope.id, type: envelope.type, payload: envelope.payload, retry: envelope.retry)
                    }
                    var requests: [String] = []
                    for await line in library.said {
                        if let request = line["request"] { requests.append(try canonical(request.utf8)) }
                    }
                    return (requests, try await acknowledgements(at: socket))
                }
            }
        }
    }

    @Test(
        "a server of the library websockets: fragments, pings and requests, and it has nothing to say against the client"
    )
    func websockets() async throws {
        let hello = #"{"type": "hello", "num_connections": 1, "connection_info": {"app_id": "A0123APP4"}}"#
        let envelopes = Sample.envelopes.map {
            FakeSlackSocket.envelope($0.id, type: $0.type, payload: $0.payload, retry: $0.retry)
        }
        var steps: [[String: Any]] = [["do": "send", "text": hello]]
        for (number, envelope) in envelopes.enumerated() {
            // Cut anywhere, as a library cuts text: between characters.
            let middle = envelope.index(envelope.startIndex, offsetBy: envelope.count / (number + 2))
            steps.append([
                "do": "fragments", "texts": [String(envelope[..<middle]), "", String(envelope[middle...])],
            ])
            steps += [["do": "ping", "data": "Ping from applink-3"], ["do": "receive"]]
        }
        steps.append(["do": "wait"])
        let order = try JSONSerialization.data(withJSONObject: ["steps": steps, "connections": 2])
        let said = try await PythonProgram.with(
            "websocket-server.py", modules: "websockets.asyncio.server", input: String(decoding: order, as: UTF8.self)
        ) { server in
            var lines = server.said.makeAsyncIterator()
            let port = try #require(await lines.next()?["port"])
            let received = ReceivedEnvelopes()
            let waits = Waits(endingAtOnce: { $0 <= .seconds(60) })
            let mode = SocketMode(
                open: { "ws://127.0.0.1:\(port)/link/?ticket=1" },
                connect: { url, body in try await WebSocketConnection.withConnection(to: url, body) },
                timing: SocketModeBench.timing, pause: waits.pause, logger: Logger(label: "test") { _ in LoggedLines() }
            )
            let running = Task { await mode.run { try await received.receive($0) } }
            var said: [[String: String]] = []
            while said.count < 4 * Sample.envelopes.count, let line = await lines.next() { said.append(line) }
            running.cancel()
            await running.value
            #expect(await received.ids.count == 6)
            while let line = await lines.next() { said.append(line) }
            return said
        }
        let acknowledged = said.compactMap { $0["text"] }.sorted()
        let expected = (Sample.envelopes + Sample.envelopes).map { #"{"envelope_id":"\#($0.id)"}"# }.sorted()
        #expect(acknowledged == expected)
        #expect(said.count { $0 == ["pong": "Ping from applink-3"] } == 2 * Sample.envelopes.count)
        #expect(said.suffix(2) == [["closed": "1000"], ["closed": "1000"]])
    }
}
