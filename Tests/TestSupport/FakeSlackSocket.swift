import Foundation

/// Slack's end of Socket Mode (https://docs.slack.dev/apis/events-api/using-socket-mode): it hands out addresses that are good for one
/// connection each, says hello, sends each envelope on one connection, and notes what is acknowledged.
///
/// `FakeSlack.setSocketURL { await socket.ticket() }` lets `apps.connections.open` answer with its addresses.
package actor FakeSlackSocket {
    package enum Weather: Sendable {
        case fine
        /// Connections are answered with this status.
        case refuses(Int)
        /// Connections are accepted, and nothing is said.
        case silent
    }

    package struct Acknowledgement: Sendable, Hashable {
        package var envelope: String
        /// The number of the connection on which it came.
        package var connection: Int
        /// The message.
        package var text: String
    }

    private struct Connection {
        var socket: RawWebSocket
        /// Slack has said that it will end: it sends no more envelopes on it.
        var isEnding = false
    }

    /// What a client should not do.
    package private(set) var mistakes: [String] = []
    package private(set) var acknowledgements: [Acknowledgement] = []
    /// How many pongs came.
    package private(set) var pongs = 0
    /// The codes of the close frames that came.
    package private(set) var closings: [UInt16?] = []
    /// The highest number of connections that were open together.
    package private(set) var mostConnections = 0
    /// The lowest number since the first time that there were two.
    package private(set) var fewestConnections: Int?

    /// How many connections were refused.
    package private(set) var refusals = 0
    /// How many connections were accepted and told nothing.
    package private(set) var silences = 0
    private var renewals = 0

    private var port = 0
    private var weather = Weather.fine
    private var tickets: Set<String> = []
    private var ticketCount = 0
    private var connections: [Int: Connection] = [:]
    private var sent: [String: Set<Int>] = [:]
    private var turn = 0
    private var changes = Gate()

    /// Runs a test beside a Socket Mode on a free loopback port.
    package static func with<Result: Sendable>(
        _ test: @Sendable (FakeSlackSocket) async throws -> Result
    ) async throws -> Result {
        let slack = FakeSlackSocket()
        return try await withRawWebSockets({ socket, number in try await slack.serve(socket, number) }) { port in
            await slack.listens(on: port)
            return try await test(slack)
        }
    }

    // MARK: - What a test does

    package func set(_ weather: Weather) { self.weather = weather }

    /// The address of one connection.
    package func ticket() -> String {
        ticketCount += 1
        let ticket = "ticket-\(ticketCount)"
        tickets.insert(ticket)
        return "ws://127.0.0.1:\(port)/link/?ticket=\(ticket)&app_id=A0123APP4"
    }

    /// The numbers of the connections that Slack sends envelopes on.
    package var ready: [Int] { connections.filter { !$0.value.isEnding }.keys.sorted() }

    /// Sends an envelope on one of the connections, in turn, or on a certain one.
    /// - Returns: the connection; nil when there is none.
    @discardableResult
    package func send(
        _ id: String, type: String = "slash_commands", payload: String = "{}", on connection: Int? = nil,
        retry: Int? = nil
    ) async throws -> Int? {
        turn += 1
        let ready = ready
        guard let number = connection ?? (ready.isEmpty ? nil : ready[turn % ready.count]),
            let socket = connections[number]?.socket
        else { return nil }
        sent[id, default: []].insert(number)
        try await socket.send(.text(Self.envelope(id, type: type, payload: payload, retry: retry)))
        return number
    }

    package static func envelope(_ id: String, type: String, payload: String, retry: Int? = nil) -> String {
        let retries = retry.map { #", "retry_attempt": \#($0), "retry_reason": "timeout""# } ?? ""
        return
            #"{"envelope_id": "\#(id)", "payload": \#(payload), "type": "\#(type)", "accepts_response_payload": true\#(retries)}"#
    }

    /// Sends any text.
    package func say(_ text: String, on connection: Int) async throws {
        try await connections[connection]?.socket.send(.text(text))
    }

    /// Sends frames.
    package func send(frames: [RawWebSocket.Frame], on connection: Int) async throws {
        for frame in frames { try await connections[connection]?.socket.send(frame) }
    }

    /// Says that a connection ends, and ends it at once or leaves that to the client.
    package func disconnect(_ connection: Int, reason: String = "refresh_requested", closes: Bool = false) async throws
    {
        guard let socket = connections[connection]?.socket else { return }
        connections[connection]?.isEnding = true
        await changed()
        try await socket.send(
            .text(#"{"type": "disconnect", "reason": "\#(reason)", "debug_info": {"host": "applink-3"}}"#))
        if closes { try await close(connection) }
    }

    /// Ends a connection with a close frame. As Slack, it does not end the TCP connection.
    package func close(_ connection: Int) async throws { try await connections[connection]?.socket.send(.close(1000)) }

    /// Ends a connection without a word.
    package func drop(_ connection: Int) async { await connections[connection]?.socket.drop() }

    /// Returns when the condition holds.
    package func wait(until condition: @Sendable (isolated FakeSlackSocket) -> Bool) async {
        while !condition(self) { await changes.pass() }
    }

    package func wait(forConnections count: Int) async { await wait { $0.ready.count == count } }

    package func wait(forAcknowledgement id: String) async {
        await wait { slack in slack.acknowledgements.contains { $0.envelope == id } }
    }

    /// Another renewal is over: for tests in which others go on until enough are.
    package func renewed() { renewals += 1 }
    package func hasRenewed(_ count: Int) -> Bool { renewals >= count }

    /// Everything that was sent on a connection has been acknowledged there.
    package func isQuiet(_ connection: Int) -> Bool {
        let acknowledged = Set(acknowledgements.filter { $0.connection == connection }.map(\.envelope))
        return sent.allSatisfy { !$0.value.contains(connection) || acknowledged.contains($0.key) }
    }

    // MARK: - Connections

    private func listens(on port: Int) { self.port = port }

    private func serve(_ socket: RawWebSocket, _ number: Int) async throws {
        let ticket = socket.head.firstMatch(of: /ticket=([^& ]+)/).map { String($0.1) } ?? ""
        if case .refuses(let status) = weather {
            refusals += 1
            await changed()
            return try await socket.write("HTTP/1.1 \(status) No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        }
        guard tickets.remove(ticket) != nil else {
            mistakes.append("a connection with the address of another one, or with none")
            return try await socket.write("HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n")
        }
        try await socket.open()
        if case .silent = weather {
            silences += 1
            await changed()
            for await _ in socket.frames {}
            return
        }
        connections[number] = Connection(socket: socket)
        mostConnections = max(mostConnections, connections.count)
        try await socket.send(
            .text(
                #"""
                {"type": "hello", "num_connections": \#(connections.count), "connection_info": {"app_id": "A0123APP4"},
                 "debug_info": {"host": "applink-3", "build_number": 7, "approximate_connection_time": 18060}}
                """#))
        await changed()
        for await frame in socket.frames { try await take(frame, socket, number) }
        connections[number] = nil
        await changed()
    }

    private func changed() async {
        let ready = ready.count
        if ready >= 2 || fewestConnections != nil { fewestConnections = min(fewestConnections ?? ready, ready) }
        let last = changes
        changes = Gate()
        await last.open()
    }

    private func take(_ frame: RawWebSocket.Frame, _ socket: RawWebSocket, _ number: Int) async throws {
        if frame.mask == nil { mistakes.append("a frame that is not masked") }
        switch frame.opcode {
        case 1: await read(frame.text, number)
        case 8:
            // Slack answers a close frame, and ends the connection when it likes.
            connections[number]?.isEnding = true
            closings.append(frame.code)
            await changed()
            try? await socket.send(.close(frame.code))
        case 9: try await socket.send(RawWebSocket.Frame(10, frame.payload))
        case 10:
            pongs += 1
            await changed()
        default: mistakes.append("a frame with opcode \(frame.opcode)")
        }
    }

    private func read(_ text: String, _ number: Int) async {
        guard let message = try? JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any],
            let id = message["envelope_id"] as? String
        else { return mistakes.append("a message that acknowledges nothing: \(text)") }
        if sent[id] == nil { mistakes.append("\(id) was acknowledged, but not sent") }
        acknowledgements.append(Acknowledgement(envelope: id, connection: number, text: text))
        await changed()
    }
}
