import Crypto
import Foundation
import NIOCore
import NIOPosix

/// The server's end of a connection that is to become a WebSocket, spoken byte by byte: a test can also do what no library would.
package struct RawWebSocket: Sendable {
    package struct Frame: Sendable, Hashable {
        package var opcode: UInt8
        package var payload: [UInt8]
        package var isLast = true
        /// The bits of extensions: 0…7.
        package var reserved: UInt8 = 0
        package var mask: [UInt8]?

        package init(
            _ opcode: UInt8, _ payload: [UInt8] = [], isLast: Bool = true, reserved: UInt8 = 0, mask: [UInt8]? = nil
        ) {
            self.opcode = opcode
            self.payload = payload
            self.isLast = isLast
            self.reserved = reserved
            self.mask = mask
        }

        package static func text(_ text: String, isLast: Bool = true) -> Frame {
            Frame(1, Array(text.utf8), isLast: isLast)
        }

        package static func close(_ code: UInt16?, _ reason: String = "") -> Frame {
            Frame(8, (code.map { [UInt8($0 >> 8), UInt8($0 & 0xFF)] } ?? []) + reason.utf8)
        }

        package var text: String { String(decoding: payload, as: UTF8.self) }
        /// Of a close frame.
        package var code: UInt16? {
            opcode == 8 && payload.count >= 2 ? UInt16(payload[0]) << 8 | UInt16(payload[1]) : nil
        }
    }

    /// The client's request, up to the empty line.
    package let head: String
    /// What the client sends after it. Can be iterated once; ends when the client closes the connection.
    package let frames: AsyncStream<Frame>
    fileprivate let channel: any Channel

    /// The value of a header of the request.
    package func header(_ name: String) -> String? {
        head.components(separatedBy: "\r\n").first { $0.lowercased().hasPrefix(name.lowercased() + ": ") }
            .map { String($0.dropFirst(name.count + 2)) }
    }

    package func write(_ bytes: [UInt8]) async throws {
        try await channel.writeAndFlush(ByteBuffer(bytes: bytes)).get()
    }
    package func write(_ text: String) async throws { try await write(Array(text.utf8)) }
    package func send(_ frames: Frame...) async throws { try await write(frames.flatMap(\.bytes)) }

    /// What `Sec-WebSocket-Accept` has to be (RFC 6455, 4.2.2).
    package var accept: String {
        let key = (header("Sec-WebSocket-Key") ?? "") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        return Data(Insecure.SHA1.hash(data: Data(key.utf8))).base64EncodedString()
    }

    /// The answer that opens the WebSocket.
    package func answer(accept: String? = nil, upgrade: String = "websocket", more: String = "") -> String {
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: \(upgrade)\r\nConnection: Upgrade\r\n"
            + "Sec-WebSocket-Accept: \(accept ?? self.accept)\r\n\(more)\r\n"
    }

    package func open() async throws { try await write(answer()) }

    /// Ends the connection without saying so.
    package func drop() async { try? await channel.close().get() }
}

extension RawWebSocket.Frame {
    fileprivate var bytes: [UInt8] {
        var bytes = [(isLast ? 0x80 : 0) | reserved << 4 | opcode]
        let masked: UInt8 = mask == nil ? 0 : 0x80
        switch payload.count {
        case ..<126: bytes.append(masked | UInt8(payload.count))
        case ..<65536: bytes += [masked | 126] + (0..<2).reversed().map { UInt8(payload.count >> (8 * $0) & 0xFF) }
        default: bytes += [masked | 127] + (0..<8).reversed().map { UInt8(payload.count >> (8 * $0) & 0xFF) }
        }
        guard let mask else { return bytes + payload }
        return bytes + mask + payload.enumerated().map { $0.element ^ mask[$0.offset % 4] }
    }

    /// Takes a complete frame from the beginning of the bytes.
    fileprivate init?(_ bytes: inout [UInt8]) {
        guard bytes.count >= 2 else { return nil }
        var start = 2
        var length = Int(bytes[1] & 0x7F)
        let more = length == 126 ? 2 : length == 127 ? 8 : 0
        let isMasked = bytes[1] & 0x80 != 0
        guard bytes.count >= start + more + (isMasked ? 4 : 0) else { return nil }
        if more > 0 { length = bytes[start..<(start + more)].reduce(0) { $0 << 8 | Int($1) } }
        start += more
        var mask: [UInt8]?
        if isMasked {
            mask = Array(bytes[start..<(start + 4)])
            start += 4
        }
        guard bytes.count >= start + length else { return nil }
        let payload = bytes[start..<(start + length)].enumerated().map { $0.element ^ (mask?[$0.offset % 4] ?? 0) }
        self.init(
            bytes[0] & 0x0F, payload, isLast: bytes[0] & 0x80 != 0, reserved: bytes[0] >> 4 & 7, mask: mask)
        bytes.removeFirst(start + length)
    }
}

/// Runs a test against a server on a free loopback port, whose connection number n (from 0) the script serves once its request has arrived.
/// The connection ends with the script. A script has to end when its `frames` do.
package func withRawWebSockets<Result: Sendable>(
    _ script: @escaping @Sendable (RawWebSocket, Int) async throws -> Void,
    _ test: (_ port: Int) async throws -> Result
) async throws -> Result {
    let (accepted, accepting) = AsyncStream.makeStream(of: Connection.self)
    let listener = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
        .childChannelInitializer { channel in
            channel.eventLoop.makeCompletedFuture {
                let (chunks, received) = AsyncStream.makeStream(of: [UInt8].self)
                try channel.pipeline.syncOperations.addHandler(Receiver(received))
                accepting.yield(Connection(channel: channel, chunks: chunks))
            }
        }
        .bind(host: "127.0.0.1", port: 0).get()
    return try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
            await withDiscardingTaskGroup { connections in
                var count = 0
                for await connection in accepted {
                    let number = count
                    count += 1
                    connections.addTask { await connection.serve(script, number) }
                }
            }
        }
        let result: Swift.Result<Result, any Error>
        do {
            result = .success(try await test(listener.localAddress?.port ?? 0))
        } catch {
            result = .failure(error)
        }
        try await listener.close().get()
        accepting.finish()
        // Otherwise what the client sent last is still read: its connections end by themselves.
        if case .failure = result { group.cancelAll() }
        try await group.waitForAll()
        return try result.get()
    }
}

private struct Connection: Sendable {
    let channel: any Channel
    let chunks: AsyncStream<[UInt8]>

    func serve(_ script: @Sendable (RawWebSocket, Int) async throws -> Void, _ number: Int) async {
        var bytes: [UInt8] = []
        let end = Array("\r\n\r\n".utf8)
        var iterator = chunks.makeAsyncIterator()
        while bytes.firstRange(of: end) == nil {
            guard let chunk = await iterator.next() else { return channel.close(promise: nil) }
            bytes += chunk
        }
        guard let range = bytes.firstRange(of: end) else { return }
        let head = String(decoding: bytes[..<range.lowerBound], as: UTF8.self)
        let (frames, received) = AsyncStream.makeStream(of: RawWebSocket.Frame.self)
        await withTaskGroup(of: Void.self) { [rest = Array(bytes[range.upperBound...])] group in
            group.addTask {
                var bytes = rest
                while let frame = RawWebSocket.Frame(&bytes) { received.yield(frame) }
                for await chunk in chunks {
                    bytes += chunk
                    while let frame = RawWebSocket.Frame(&bytes) { received.yield(frame) }
                }
                received.finish()
            }
            // The client shows whether the script did what it should.
            try? await script(RawWebSocket(head: head, frames: frames, channel: channel), number)
            try? await channel.close().get()
            group.cancelAll()
        }
    }
}

private final class Receiver: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let received: AsyncStream<[UInt8]>.Continuation

    init(_ received: AsyncStream<[UInt8]>.Continuation) { self.received = received }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        received.yield(Array(unwrapInboundIn(data).readableBytesView))
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    func channelInactive(context: ChannelHandlerContext) { received.finish() }
}
