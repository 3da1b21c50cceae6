import Foundation
import HTTPTransport
import Integrations
import Logging
import TestSupport
import Testing

@Suite("Socket Mode", .timeLimit(.minutes(10)))
struct SocketModeTests {
    // MARK: Requests

    @Test("two connections are opened; requests on both are received as they are, then acknowledged")
    func requests() async throws {
        try await SocketModeBench.run { bench in
            await bench.slack.wait(forConnections: 2)
            let ready = await bench.slack.ready
            try await bench.slack.send(
                "e1", payload: #"{"command": "/deploy", "text": "status ü 1/2"}"#, on: ready[0])
            try await bench.slack.send("e2", type: "interactive", payload: #"{"type": "block_actions"}"#, on: ready[1])
            for id in ["e1", "e2"] { await bench.slack.wait(forAcknowledgement: id) }
            let received = await bench.received.all.sorted { $0.id < $1.id }
            #expect(received.map(\.type) == ["slash_commands", "interactive"])
            #expect(received.allSatisfy { $0.acceptsResponse && $0.retryAttempt == nil })
            let payload = try #require(
                try JSONSerialization.jsonObject(with: Data(received[0].payload)) as? [String: String])
            #expect(payload == ["command": "/deploy", "text": "status ü 1/2"])
            let answers = await bench.slack.acknowledgements.sorted { $0.envelope < $1.envelope }
            #expect(answers.map(\.text) == [#"{"envelope_id":"e1"}"#, #"{"envelope_id":"e2"}"#])
            #expect(answers.map(\.connection) == ready)
            await bench.wait(for: .init(connections: 2))
        }
    }

    @Test("what no person asked for is acknowledged, and nothing more")
    func events() async throws {
        try await SocketModeBench.run { bench in
            await bench.slack.wait(forConnections: 2)
            for type in ["events_api", "hello_again", "options"] {
                try await bench.slack.send(type, type: type, payload: #"{"event": {"type": "message"}}"#)
                await bench.slack.wait(forAcknowledgement: type)
            }
            #expect(await bench.received.all.isEmpty)
        }
    }

    @Test("an answer is sent with the acknowledgement")
    func answer() async throws {
        try await SocketModeBench.run { bench in
            await bench.slack.wait(forConnections: 2)
            await bench.received.set(answer: SocketAnswer(["text": "Too many requests"]))
            try await bench.slack.send("e1")
            await bench.slack.wait(forAcknowledgement: "e1")
            let texts = await bench.slack.acknowledgements.map(\.text)
            #expect(texts == [#"{"envelope_id":"e1","payload":{"text":"Too many requests"}}"#])
        }
    }

    @Test("a request that could not be written down is not acknowledged, so that Slack sends it again")
    func unwritten() async throws {
        try await SocketModeBench.run { bench in
            await bench.slack.wait(forConnections: 2)
            let ready = await bench.slack.ready
            await bench.received.setFailing(true)
            try await bench.slack.send("e1", on: ready[0])
            await bench.received.wait(for: 1)
            await bench.received.setFailing(false)
            // On the same connection, so after the first has failed.
            try await bench.slack.send("e2", on: ready[0])
            await bench.slack.wait(forAcknowledgement: "e2")
            #expect(await bench.slack.acknowledgements.map(\.envelope) == ["e2"])
            try await bench.slack.send("e1", on: ready[1], retry: 1)
            await bench.slack.wait(forAcknowledgement: "e1")
            #expect(await bench.received.ids == ["e1", "e2", "e1"])
            #expect(await bench.received.all.map(\.retryAttempt) == [nil, nil, 1])
            #expect(
                bench.log.all == [
                    "error a request from Slack could not be written down; Slack sends it again",
                    "notice Slack sends a request again that was not acknowledged in time",
                ])
        }
    }

    @Test("an envelope that comes twice is given on with the same id, and acknowledged twice")
    func repeated() async throws {
        try await SocketModeBench.run { bench in
            await bench.slack.wait(forConnections: 2)
            let ready = await bench.slack.ready
            for connection in ready + ready { try await bench.slack.send("e1", on: connection) }
            await bench.slack.wait { $0.acknowledgements.count == 4 }
            #expect(await bench.received.ids == ["e1", "e1", "e1", "e1"])
        }
    }

    @Test(
        "a request whose connection ends before it is acknowledged is written down, and acknowledged when Slack sends it again"
    )
    func unacknowledged() async throws {
        try await SocketModeBench.run { bench in
            await bench.slack.wait(forConnections: 2)
            let ready = await bench.slack.ready
            let gate = Gate()
            await bench.received.hold(gate)
            try await bench.slack.send("e1", on: ready[0])
            await bench.received.wait(for: 1)
            await bench.slack.drop(ready[0])
            await bench.slack.wait { !$0.ready.contains(ready[0]) }
            await gate.open()
            try await bench.slack.send("e1", on: ready[1], retry: 1)
            await bench.slack.wait(forAcknowledgement: "e1")
            #expect(await bench.received.ids == ["e1", "e1"])
            #expect(await bench.slack.acknowledgements.map(\.connection) == [ready[1]])
        }
    }

    @Test("a slow receiver: pings are answered meanwhile, and requests stay in their order")
    func slow() async throws {
        try await SocketModeBench.run { bench in
            await bench.slack.wait(forConnections: 2)
            let connection = await bench.slack.ready[0]
            let gate = Gate()
            await bench.received.hold(gate)
            let ids = (0..<200).map { "e\($0)" }
            for id in ids { try await bench.slack.send(id, on: connection) }
            await bench.received.wait(for: 1)
            for byte in UInt8(0)..<5 {
                try await bench.slack.send(frames: [RawWebSocket.Frame(9, [byte])], on: connection)
            }
            await bench.slack.wait { $0.pongs == 5 }
            #expect(await bench.slack.acknowledgements.isEmpty)
            await gate.open()
            await bench.slack.wait { $0.acknowledgements.count == ids.count }
            #expect(await bench.received.ids == ids)
            #expect(await bench.slack.acknowledgements.map(\.envelope) == ids)
        }
    }

    @Test("junk is passed over; what breaks the WebSocket costs one connection, which is opened again")
    func junk() async throws {
        try await SocketModeBench.run { bench in
            await bench.slack.wait(forConnections: 2)
            let connection = await bench.slack.ready[0]
            for text in [
                "", "Ping from applink-3", "[]", "null", "{", #"{"type": 1}"#, #"{"type": "hello"}"#,
                #"{"type": "slash_commands"}"#, #"{"type": "slash_commands", "envelope_id": 7, "payload": {}}"#,
                #"{"type": "slash_commands", "envelope_id": "", "payload": {}}"#,
                #"{"type": "interactive", "envelope_id": "\#(String(repeating: "e", count: 201))", "payload": {}}"#,
                String(repeating: "[", count: 10_000),
            ] {
                try await bench.slack.say(text, on: connection)
            }
            // A payload that is no object is an empty one: whoever reads it says what is missing.
            try await bench.slack.send("e1", payload: "[1]", on: connection)
            await bench.slack.wait(forAcknowledgement: "e1")
            #expect(await bench.received.all.map { String(decoding: $0.payload, as: UTF8.self) } == ["{}"])
            await bench.wait(for: .init(connections: 2))

            for bad in [RawWebSocket.Frame(2, [0]), RawWebSocket.Frame(1, [0xFF])] {
                let connection = await bench.slack.ready[0]
                try await bench.slack.send(frames: [bad], on: connection)
                await bench.slack.wait { $0.ready.count == 2 && !$0.ready.contains(connection) }
            }
            #expect(await bench.slack.mistakes.isEmpty)
        }
    }

    // MARK: Renewal

    @Test(
        "Slack renews connections all the time: every request meanwhile is received once, and there is always a connection"
    )
    func renewal() async throws {
        let rounds = 30
        try await SocketModeBench.run { bench in
            let slack = bench.slack
            await slack.wait(forConnections: 2)
            let ended = Gate()
            let sent = try await withThrowingTaskGroup(of: Int.self) { group in
                group.addTask {
                    // Slack's people.
                    var count = 0
                    while !(await slack.hasRenewed(rounds)) {
                        let connection = try await slack.send("e\(count)")
                        #expect(connection != nil)
                        count += 1
                        await slack.wait(forAcknowledgement: "e\(count - 1)")
                    }
                    await ended.open()
                    return count
                }
                for round in 0..<rounds {
                    let old = await slack.ready[round % 2]
                    // In turn: closed by Slack before the replacement may be there, closed later, left open.
                    try await slack.disconnect(old, reason: round % 2 == 0 ? "warning" : "refresh_requested")
                    if round % 3 == 0 {
                        await slack.wait { $0.isQuiet(old) }
                        try await slack.close(old)
                    }
                    await slack.wait { $0.ready.count == 2 }
                    // What Slack had on its way when it said so.
                    if round % 3 > 0 {
                        try await slack.send("late\(round)", on: old)
                        await slack.wait(forAcknowledgement: "late\(round)")
                    }
                    if round % 3 == 1 { try await slack.close(old) }
                    if round % 3 == 2 { await bench.waits.end(SocketModeBench.timing.handover) }
                    await slack.renewed()
                }
                return try await group.next() ?? 0
            }
            await ended.pass()
            let late = (0..<rounds).filter { $0 % 3 > 0 }.map { "late\($0)" }
            let expected = (0..<sent).map { "e\($0)" } + late
            #expect(await bench.received.ids.sorted() == expected.sorted())
            #expect(await slack.acknowledgements.map(\.envelope).sorted() == expected.sorted())
            #expect(await slack.fewestConnections == 1)
            #expect(await slack.mistakes.isEmpty)
            #expect(bench.log.all.isEmpty)
        }
    }

    @Test("a connection that is to be renewed stays until its replacement is there")
    func patience() async throws {
        try await SocketModeBench.run { bench in
            await bench.slack.wait(forConnections: 2)
            let old = await bench.slack.ready[0]
            await bench.slack.set(.refuses(503))
            try await bench.slack.disconnect(old)
            await bench.slack.wait { $0.refusals >= 3 }
            try await bench.slack.send("e1", on: old)
            await bench.slack.wait(forAcknowledgement: "e1")
            await bench.slack.set(.fine)
            await bench.slack.wait(forConnections: 2)
            // Only now it is let go.
            await bench.waits.end(SocketModeBench.timing.handover)
            await bench.slack.wait { $0.closings == [1000] }
            #expect(await bench.slack.mistakes.isEmpty)
        }
    }

    // MARK: Trouble

    @Test("both connections are cut while Slack is down: both come back, and the log says it once")
    func down() async throws {
        try await SocketModeBench.run { bench in
            await bench.slack.wait(forConnections: 2)
            await bench.slack.set(.refuses(503))
            for connection in await bench.slack.ready { await bench.slack.drop(connection) }
            await bench.slack.wait { $0.refusals >= 10 }
            await bench.changes.wait { bench.status.snapshot.connections == 0 }
            await bench.slack.set(.fine)
            await bench.slack.wait(forConnections: 2)
            try await bench.slack.send("e1")
            await bench.slack.wait(forAcknowledgement: "e1")
            await bench.wait(for: .init(connections: 2))
            #expect(bench.log.all.count { $0.hasPrefix("warning ") && $0.hasSuffix("503 instead of 101") } == 1)
            // The second connection may have been refused once more when the first was back, which is no warning.
            #expect(bench.log.all.last?.hasPrefix("info Slack's Socket Mode: connected again") == true)
        }
    }

    @Test(
        "attempts that fail come further and further apart, a minute at most, also when Slack says hello before it hangs up"
    )
    func backOff() async throws {
        let refused = SocketModeBench.isBackOff
        try await SocketModeBench.run(endingAtOnce: { $0 == .milliseconds(1) || $0 == .zero }) { bench in
            for _ in 0..<20 {
                await bench.slack.wait { !$0.ready.isEmpty }
                let connection = await bench.slack.ready[0]
                await bench.slack.drop(connection)
                await bench.slack.wait { !$0.ready.contains(connection) }
                await bench.waits.end(where: refused)
            }
            let lengths = bench.waits.all.filter(refused)
            // Of two connections in turn: 1, 1, 2, 2, 4, …, each between the half and the whole.
            #expect(lengths.prefix(2).allSatisfy { $0 <= .seconds(1) })
            #expect(lengths.suffix(3).allSatisfy { (.seconds(30) ... .seconds(60)).contains($0) })
        }
    }

    @Test("a connection that has lasted is replaced at once when it is lost")
    func settled() async throws {
        try await SocketModeBench.run(endingAtOnce: { $0 == .milliseconds(1) || $0 == .zero }) { bench in
            await bench.slack.wait(forConnections: 2)
            await bench.wait(for: .init(connections: 2))
            for _ in 0..<2 { await bench.waits.end(SocketModeBench.timing.hello) }
            for _ in 0..<2 { await bench.waits.end(SocketModeBench.timing.settling) }
            for connection in await bench.slack.ready {
                await bench.slack.drop(connection)
                await bench.slack.wait { $0.ready.count == 2 && !$0.ready.contains(connection) }
            }
            #expect(bench.waits.all.filter(SocketModeBench.isBackOff).isEmpty)
        }
    }

    @Test("a connection on which Slack says nothing is given up")
    func silent() async throws {
        try await SocketModeBench.run { bench in
            await bench.slack.wait(forConnections: 2)
            await bench.slack.set(.silent)
            for connection in await bench.slack.ready { await bench.slack.drop(connection) }
            await bench.slack.wait { $0.silences == 2 }
            await bench.slack.set(.fine)
            for _ in 0..<2 { await bench.waits.end(SocketModeBench.timing.hello) }
            await bench.slack.wait(forConnections: 2)
            #expect(
                bench.log.all.contains { $0.contains("Slack did not begin to send") })
        }
    }

    @Test("when Socket Mode is turned off, the log says once what to do, and Slack is asked again ten minutes later")
    func disabled() async throws {
        try await SocketModeBench.run { bench in
            await bench.slack.wait(forConnections: 2)
            for connection in await bench.slack.ready {
                try await bench.slack.disconnect(connection, reason: "link_disabled")
            }
            await bench.waits.wait(for: 2, where: SocketModeBench.isRefusal)
            #expect(
                bench.log.all == [
                    "error Slack's Socket Mode: a connection ended: Socket Mode is turned off for the app: turn it on under "
                        + "\"Socket Mode\" at https://api.slack.com/apps, or remove slack.appToken"
                ])
            #expect(bench.status.snapshot.connections == 0)
            for _ in 0..<2 { await bench.waits.end(where: SocketModeBench.isRefusal) }
            await bench.wait(for: .init(connections: 2))
        }
        #expect(SocketMode.Timing().refused == .seconds(600))
    }

    @Test("a token that Slack refuses is logged once, and Slack is asked again ten minutes later")
    func refused() async throws {
        let problem = "Slack does not accept the token (invalid_auth)"
        try await SocketModeBench.run(open: { throw DeliveryFailure(.refused, problem) }) { bench in
            for _ in 0..<3 {
                await bench.waits.wait(for: 2, where: SocketModeBench.isRefusal)
                for _ in 0..<2 { await bench.waits.end(where: SocketModeBench.isRefusal) }
            }
            #expect(bench.log.all == ["error Slack's Socket Mode: a connection ended: \(problem)"])
            #expect(bench.status.snapshot == .init(connections: 0, problem: problem))
        }
    }

    @Test("Slack's Retry-After is kept to, and so is the time to wait when there are too many connections")
    func retryAfter() async throws {
        let first = Gate()
        try await SocketModeBench.run(
            open: {
                await first.pass()
                throw DeliveryFailure(.limited(after: .seconds(450)), "Slack limits the rate of apps.connections.open")
            }
        ) { bench in
            await first.open()
            await bench.waits.wait(for: 2) { $0 == .seconds(450) }
        }
        try await SocketModeBench.run(endingAtOnce: { $0 < .seconds(60) }) { bench in
            await bench.slack.wait(forConnections: 2)
            let connection = await bench.slack.ready[0]
            try await bench.slack.disconnect(connection, reason: "too_many_websockets")
            await bench.waits.end(.seconds(60))
            await bench.slack.wait(forConnections: 2)
        }
    }

    @Test("at the end both connections are closed in good order")
    func ending() async throws {
        try await FakeSlackSocket.with { slack in
            let changes = StatusChanges()
            let mode = SocketMode(
                open: { await slack.ticket() },
                connect: { url, body in try await WebSocketConnection.withConnection(to: url, body) },
                status: SocketModeStatus { _ in Task { await changes.add() } }, timing: SocketModeBench.timing,
                logger: Logger(label: "test"))
            let running = Task { await mode.run { _ in nil } }
            await changes.wait { mode.status.snapshot.connections == 2 }
            running.cancel()
            await running.value
            await slack.wait { $0.closings == [1000, 1000] }
            #expect(mode.status.snapshot.connections == 0)
        }
    }
}
