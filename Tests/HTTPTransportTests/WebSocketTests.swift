import Foundation
import HTTPTransport
import TestSupport
import Testing

typealias Frame = RawWebSocket.Frame

/// What a client gets of a server: its messages, and the error after them.
private func received(
    from script: @escaping @Sendable (RawWebSocket) async throws -> Void,
    limits: WebSocketConnection.Limits = .init()
) async throws -> (messages: [String], error: TransportError?) {
    try await withRawWebSockets({ socket, _ in try await script(socket) }) { port in
        var messages: [String] = []
        do {
            messages = try await WebSocketConnection.withConnection(to: "ws://127.0.0.1:\(port)/link", limits: limits) {
                socket in
                var messages: [String] = []
                do {
                    for try await message in socket.messages { messages.append(message) }
                } catch let error as TransportError {
                    throw Ended(messages: messages, error: error)
                }
                return messages
            }
            return (messages, nil)
        } catch let end as Ended {
            return (end.messages, end.error.without(port))
        } catch let error as TransportError {
            return ([], error.without(port))
        }
    }
}

private struct Ended: Error {
    var messages: [String]
    var error: TransportError
}

extension TransportError {
    fileprivate func without(_ port: Int) -> TransportError {
        TransportError(kind, server: server.replacing(":\(port)", with: ":0"))
    }
}

@Suite("WebSockets")
struct WebSocketTests {
    // MARK: Opening

    @Test("the request has a fresh key, the version, the host and the whole address")
    func request() async throws {
        let heads = try await withRawWebSockets({ socket, _ in
            try await socket.open()
            try await socket.send(.text(socket.head))
            for await _ in socket.frames {}
        }) { port in
            var heads: [String] = []
            for _ in 0..<2 {
                let head = try await WebSocketConnection.withConnection(
                    to: "ws://127.0.0.1:\(port)/link/?ticket=a%20b&app_id=A1"
                ) { socket in
                    var messages = socket.messages.makeAsyncIterator()
                    return try await messages.next()
                }
                heads.append(try #require(head).replacing("\(port)", with: "PORT"))
            }
            return heads
        }
        let lines = heads[0].components(separatedBy: "\r\n")
        #expect(lines[0] == "GET /link/?ticket=a%20b&app_id=A1 HTTP/1.1")
        #expect(lines.contains("Host: 127.0.0.1:PORT"))
        #expect(lines.contains("Sec-WebSocket-Version: 13"))
        #expect(!lines.contains { $0.hasPrefix("Sec-WebSocket-Extensions") || $0.hasPrefix("Sec-WebSocket-Protocol") })
        let keys = heads.map { $0.firstMatch(of: /Sec-WebSocket-Key: (\S+)/).map { String($0.1) } ?? "" }
        #expect(keys.allSatisfy { Data(base64Encoded: $0)?.count == 16 })
        #expect(keys[0] != keys[1])
    }

    @Test(
        "what is not a WebSocket is told apart, and its address, which may be a secret, is in no error",
        arguments: [
            ("HTTP/1.1 403 Forbidden\r\nContent-Length: 5\r\n\r\nsorry", "it answered 403 instead of 101"),
            ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "it answered 200 instead of 101"),
            ("HTTP/1.1 302 Found\r\nLocation: ws://127.0.0.1:1/\r\n\r\n", "it answered 302 instead of 101"),
            ("SSH-2.0-OpenSSH_9.7\r\n", "it does not answer in HTTP"),
            (
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n",
                "its answer does not upgrade to a WebSocket"
            ),
            (
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n",
                "its answer does not upgrade to a WebSocket"
            ),
            (
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
                "its answer has no Sec-WebSocket-Accept"
            ),
        ])
    func otherAnswers(answer: String, problem: String) async throws {
        let (_, error) = try await received { socket in
            try await socket.write(answer)
            for await _ in socket.frames {}
        }
        #expect(error?.kind == .webSocket(.notOpened(problem)))
        #expect(error?.description == "127.0.0.1:0 did not open a WebSocket: \(problem)")
    }

    @Test("a wrong Sec-WebSocket-Accept, an extension or a subprotocol that was not requested is refused")
    func acceptance() async throws {
        let wrong = try await received { socket in
            try await socket.write(socket.answer(accept: "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="))
            for await _ in socket.frames {}
        }
        #expect(
            wrong.error?.kind == .webSocket(.notOpened("its Sec-WebSocket-Accept is not the one for the request")))
        for more in ["Sec-WebSocket-Extensions: permessage-deflate\r\n", "Sec-WebSocket-Protocol: chat\r\n"] {
            let (_, error) = try await received { socket in
                try await socket.write(socket.answer(more: more))
                for await _ in socket.frames {}
            }
            #expect(
                error?.kind
                    == .webSocket(
                        .notOpened("its answer has an extension or a subprotocol that was not requested")))
        }
    }

    @Test("the answer may have other capitals, and come in the same packet as the first messages")
    func answerWithMessages() async throws {
        let (messages, error) = try await received { socket in
            let head = "HTTP/1.1 101 OK\r\nUPGRADE: WebSocket\r\nconnection: keep-alive, upgrade\r\n"
            let hello = Array("\(head)sec-websocket-accept: \(socket.accept)\r\n\r\n".utf8)
            try await socket.write(hello + [0x81, 2] + Array("hi".utf8) + [0x81, 1] + Array("!".utf8) + [0x88, 0])
            for await _ in socket.frames {}
        }
        #expect(messages == ["hi", "!"])
        #expect(error == nil)
    }

    @Test(
        "what is not the address of a WebSocket is refused without repeating it",
        arguments: [
            "http://a.example/secret", "wss:///secret", "ws://me:secret@a.example", "ws://a.example#secret", "",
        ])
    func addresses(url: String) async throws {
        let error = try await transportError {
            try await WebSocketConnection.withConnection(to: url) { _ in }
        }
        #expect(!error.description.contains("secret"))
        guard case .invalidRequest = error.kind else { Issue.record("\(error)"); return }
    }

    @Test("a server that is not there, and one that accepts and says nothing")
    func noServer() async throws {
        let port = try unusedPort()
        let refused = try await transportError {
            try await WebSocketConnection.withConnection(to: "ws://127.0.0.1:\(port)") { _ in }
        }
        #expect(refused.kind == .refused)
        let limits = WebSocketConnection.Limits(opening: .milliseconds(200))
        let (_, silent) = try await received(from: { socket in for await _ in socket.frames {} }, limits: limits)
        #expect(silent?.kind == .deadline(.milliseconds(200)))
        let (_, gone) = try await received { await $0.drop() }
        #expect(gone?.kind == .closed)
    }

    @Test("opening is cancelled at once")
    func cancelledOpening() async throws {
        let asked = Gate()
        try await withRawWebSockets({ socket, _ in
            await asked.open()
            for await _ in socket.frames {}
        }) { port in
            let opening = Task {
                try await WebSocketConnection.withConnection(
                    to: "ws://127.0.0.1:\(port)", limits: .init(opening: .seconds(3600))
                ) { _ in }
            }
            await asked.pass()
            opening.cancel()
            let result = await opening.result
            #expect(throws: CancellationError.self) { try result.get() }
        }
    }

    // MARK: Messages

    @Test(
        "messages arrive in order, of every length, with their fragments joined, and control frames between fragments")
    func messages() async throws {
        let long = String(repeating: "ü", count: 40_000)
        let (messages, error) = try await received { socket in
            try await socket.open()
            try await socket.send(.text(""), .text(String(repeating: "a", count: 126)), .text(long))
            // The fragments split a character.
            let umlaut = Array("ü".utf8)
            try await socket.send(
                Frame(1, [umlaut[0]], isLast: false), Frame(9, Array("now".utf8)), Frame(0, [umlaut[1]], isLast: false),
                Frame(10), Frame(0, [], isLast: false), Frame(0, Array("!".utf8)))
            // Byte by byte.
            for byte in [0x81, 2] + Array("ok".utf8) { try await socket.write([byte]) }
            try await socket.send(.close(1000))
            for await _ in socket.frames {}
        }
        #expect(messages == ["", String(repeating: "a", count: 126), long, "ü!", "ok"])
        #expect(error == nil)
    }

    @Test("a ping is answered with the same bytes; everything that the client sends is masked with a key of its own")
    func pings() async throws {
        let frames = try await exchange { socket in
            try await socket.send("one")
            try await socket.send("zwei ü")
        } after: { socket in
            try await socket.send(Frame(9, [0, 1, 0xFF]), Frame(9))
        }
        #expect(frames.filter { $0.opcode == 10 }.map(\.payload) == [[0, 1, 0xFF], []])
        #expect(frames.filter { $0.opcode == 1 }.map(\.text) == ["one", "zwei ü"])
        #expect(frames.allSatisfy { $0.mask != nil && $0.isLast && $0.reserved == 0 })
        #expect(Set(frames.map(\.mask)).count == frames.count)
    }

    /// The frames of a client that opens a WebSocket, does something, and closes it.
    private func exchange(
        reading: Bool = true, _ body: @escaping @Sendable (WebSocketConnection) async throws -> Void,
        after script: @escaping @Sendable (RawWebSocket) async throws -> Void = { _ in }
    ) async throws -> [Frame] {
        let (all, collected) = AsyncStream.makeStream(of: Frame.self)
        return try await withRawWebSockets({ socket, _ in
            try await socket.open()
            try await script(socket)
            try await socket.send(.text("go"))
            for await frame in socket.frames {
                collected.yield(frame)
                if frame.opcode == 8 { try await socket.send(.close(frame.code)) }
            }
            collected.finish()
        }) { port in
            try await WebSocketConnection.withConnection(to: "ws://127.0.0.1:\(port)") { socket in
                if reading {
                    var messages = socket.messages.makeAsyncIterator()
                    let first = try await messages.next()
                    #expect(first == "go")
                }
                try await body(socket)
            }
            var frames: [Frame] = []
            for await frame in all { frames.append(frame) }
            return frames
        }
    }

    // MARK: Ends

    @Test("the client closes with 1000 when its work is done, and when it is cancelled")
    func closing() async throws {
        let done = try await exchange { _ in }
        #expect(done.map(\.code) == [1000])
        let cancelled = try await exchange(reading: false) { socket in
            let reading = Task { for try await _ in socket.messages {} }
            reading.cancel()
            let result = await reading.result
            #expect(throws: CancellationError.self) { try result.get() }
        }
        #expect(cancelled.map(\.code) == [1000])
    }

    @Test("a server that does not answer the closing handshake is not awaited for long")
    func halfOpen() async throws {
        let ended = Gate()
        try await withRawWebSockets({ socket, _ in
            try await socket.open()
            await ended.pass()
        }) { port in
            try await WebSocketConnection.withConnection(
                to: "ws://127.0.0.1:\(port)", limits: .init(closing: .milliseconds(100))
            ) { _ in }
            await ended.open()
        }
    }

    @Test("the server closes in good order: the messages end, and its close frame is answered with the same code")
    func serverCloses() async throws {
        for code in [nil, 1000, 1001] as [UInt16?] {
            let (answers, answered) = AsyncStream.makeStream(of: Frame.self)
            let (messages, error) = try await received { socket in
                try await socket.open()
                try await socket.send(.text("bye"), .close(code, code == nil ? "" : "see you"))
                for await frame in socket.frames {
                    answered.yield(frame)
                    break
                }
                answered.finish()
            }
            #expect(messages == ["bye"])
            #expect(error == nil)
            var frames: [Frame] = []
            for await frame in answers { frames.append(frame) }
            #expect(frames.map(\.opcode) == [8])
            #expect(frames.map(\.code) == [code])
        }
    }

    @Test("a close frame with another code is an error with the server's reason; what came before is there")
    func serverFails() async throws {
        let (messages, error) = try await received { socket in
            try await socket.open()
            try await socket.send(.text("hi"), .close(1011, "out of order"))
            for await _ in socket.frames {}
        }
        #expect(messages == ["hi"])
        #expect(error?.kind == .webSocket(.closed(code: 1011, reason: "out of order")))
        #expect(error?.description == "127.0.0.1:0 closed the WebSocket with code 1011: out of order")
    }

    @Test("a connection that is cut without a close frame is an error, also in the middle of a message")
    func cut() async throws {
        for bytes in [[], [0x01, 1, 0x61], [0x81, 10, 0x61]] as [[UInt8]] {
            let (messages, error) = try await received { socket in
                try await socket.open()
                try await socket.send(Frame(9))
                for await _ in socket.frames { break }
                try await socket.write([0x81, 2] + Array("hi".utf8) + bytes)
            }
            #expect(messages == ["hi"])
            #expect(error?.kind == .closed)
        }
    }

    @Test("a connection that is cut as soon as it is open is an error")
    func cutAtOnce() async throws {
        for _ in 0..<20 {
            let (_, error) = try await received { try await $0.write($0.answer() + "\u{01}") }
            #expect(error?.kind == .closed)
        }
    }

    @Test("a send after the server has gone throws")
    func sendAfterEnd() async throws {
        try await withRawWebSockets({ socket, _ in try await socket.open() }) { port in
            let error = try await transportError {
                try await WebSocketConnection.withConnection(to: "ws://127.0.0.1:\(port)") { socket in
                    do {
                        for try await _ in socket.messages {}
                    } catch {}
                    try await socket.send("anybody?")
                }
            }
            #expect(error.kind == .closed)
        }
    }

    // MARK: Silence

    @Test("a server that is silent is pinged, then given up")
    func silence() async throws {
        let (pings, pinged) = AsyncStream.makeStream(of: Frame.self)
        let (_, error) = try await received(
            from: { socket in
                try await socket.open()
                for await frame in socket.frames { pinged.yield(frame) }
                pinged.finish()
            }, limits: .init(silence: .milliseconds(300)))
        #expect(error?.kind == .silent(.milliseconds(300)))
        var frames: [Frame] = []
        for await frame in pings { frames.append(frame) }
        #expect(frames.first?.opcode == 9)
    }

    @Test("a server that answers pings is not silent")
    func pong() async throws {
        let (messages, error) = try await received(
            from: { socket in
                try await socket.open()
                var count = 0
                for await frame in socket.frames where frame.opcode == 9 {
                    count += 1
                    try await socket.send(Frame(10, frame.payload))
                    if count == 2 { break }
                }
                try await socket.send(.text("still here"), .close(1000))
                for await _ in socket.frames {}
            }, limits: .init(silence: .seconds(12)))
        #expect(messages == ["still here"])
        #expect(error == nil)
    }

    // MARK: Violations

    @Test(
        "what breaks the protocol ends the connection with the code that says so",
        arguments: [
            ("it masked a frame", 1002, [Frame(1, [0x61], mask: [1, 2, 3, 4])]),
            (
                "a frame has a bit of an extension that was not agreed on", 1002, [Frame(1, [0x61], reserved: 4)]
            ),
            ("a frame has an unknown opcode", 1002, [Frame(3)]),
            ("a frame has an unknown opcode", 1002, [Frame(11)]),
            ("a message was continued that had not begun", 1002, [Frame(0, [0x61])]),
            (
                "a message began in the middle of another", 1002,
                [Frame(1, [0x61], isLast: false), Frame(1, [0x62])]
            ),
            ("a control frame is fragmented", 1002, [Frame(9, [], isLast: false)]),
            ("a control frame has more than 125 bytes", 1002, [Frame(9, Array(repeating: 0, count: 126))]),
            ("a close frame has half a code", 1002, [Frame(8, [3])]),
            ("a close frame has the code 1005", 1002, [Frame.close(1005)]),
            ("a close frame has the code 999", 1002, [Frame.close(999)]),
            ("it sent a binary message", 1003, [Frame(2, [0])]),
            ("a message is not UTF-8", 1007, [Frame(1, [0xC3, 0x28])]),
            (
                "a message is not UTF-8", 1007,
                [Frame(1, [0xC3], isLast: false), Frame(0, [], isLast: true)]
            ),
            ("a message is not UTF-8", 1007, [Frame(1, [0xED, 0xA0, 0x80])]),
            ("the reason of a close frame is not UTF-8", 1007, [Frame(8, [3, 0xE8, 0xFF])]),
        ])
    func violations(problem: String, code: UInt16, bad: [Frame]) async throws {
        let (error, last) = try await violation { socket in
            for frame in bad { try await socket.send(frame) }
        }
        #expect(error?.kind == .webSocket(.violation(problem)))
        #expect(last?.code == code)
    }

    @Test("a message larger than the limit ends the connection, in one frame or many, before it is all there")
    func large() async throws {
        let limits = WebSocketConnection.Limits(message: 1000)
        for bad in [
            [Frame(1, Array(repeating: 0x61, count: 1001))],
            [
                Frame(1, Array(repeating: 0x61, count: 600), isLast: false),
                Frame(0, Array(repeating: 0x61, count: 401)),
            ],
        ] {
            let (error, last) = try await violation(limits) { socket in
                for frame in bad { try await socket.send(frame) }
            }
            #expect(error?.kind == .webSocket(.messageTooLarge(1000)))
            #expect(last?.code == 1009)
        }
        // Only the beginning of a frame of 2^62 bytes.
        let (error, _) = try await violation(limits) { try await $0.write([0x81, 127, 0x40, 0, 0, 0, 0, 0, 0, 0]) }
        #expect(error?.kind == .webSocket(.messageTooLarge(1000)))
        let (messages, none) = try await received(
            from: { socket in
                try await socket.open()
                try await socket.send(Frame(1, Array(repeating: 0x61, count: 1000)), .close(1000))
                for await _ in socket.frames {}
            }, limits: limits)
        #expect(messages.map(\.utf8.count) == [1000])
        #expect(none == nil)
    }

    /// The error of a server that sends "hi" and then something bad, and what the client sends last.
    private func violation(
        _ limits: WebSocketConnection.Limits = .init(),
        _ script: @escaping @Sendable (RawWebSocket) async throws -> Void
    ) async throws -> (error: TransportError?, last: Frame?) {
        let (answers, answered) = AsyncStream.makeStream(of: Frame.self)
        let (messages, error) = try await received(
            from: { socket in
                try await socket.open()
                try await socket.send(.text("hi"))
                try await script(socket)
                for await frame in socket.frames { answered.yield(frame) }
                answered.finish()
            }, limits: limits)
        #expect(messages == ["hi"])
        var last: Frame?
        for await frame in answers { last = frame }
        return (error, last)
    }
}
