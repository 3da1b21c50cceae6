import NIOCore
import NIOWebSocket

/// Turns frames into text messages and text messages into frames, and speaks the rest of the protocol: pings, the closing handshake,
/// violations, silence (RFC 6455, 5 and 7).
final class WebSocketMessageHandler: ChannelDuplexHandler {
    typealias InboundIn = WebSocketFrame
    typealias InboundOut = String
    typealias OutboundIn = String
    typealias OutboundOut = WebSocketFrame

    private enum State {
        case open
        /// A close frame was sent. The server's is awaited, or the end of the connection; everything else is passed over.
        case closing
        /// The connection is being closed.
        case closed
    }

    private let server: String
    private let limits: WebSocketConnection.Limits
    private var state = State.open
    /// The fragments so far of a message that is not complete.
    private var fragments: ByteBuffer?
    /// False while the consumer does not keep up: then a silent connection says nothing about the server.
    private var isReading = true
    private var isPinged = false
    private var endOfPatience: Scheduled<Void>?

    init(server: String, limits: WebSocketConnection.Limits) {
        (self.server, self.limits) = (server, limits)
    }

    // MARK: - Received

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var frame = unwrapInboundIn(data)
        guard state == .open else {
            if frame.opcode == .connectionClose { end(context) }
            return
        }
        guard frame.maskKey == nil else { return violation(context, "it masked a frame") }
        guard !frame.rsv1, !frame.rsv2, !frame.rsv3 else {
            return violation(context, "a frame has a bit of an extension that was not agreed on")
        }
        switch frame.opcode {
        case .text:
            guard fragments == nil else { return violation(context, "a message began in the middle of another") }
            received(context, frame.data, isLast: frame.fin)
        case .continuation:
            guard var message = fragments else {
                return violation(context, "a message was continued that had not begun")
            }
            fragments = nil
            message.writeBuffer(&frame.data)
            received(context, message, isLast: frame.fin)
        case .binary:
            fail(context, 1003, .violation("it sent a binary message"))
        case .ping: send(context, .pong, frame.data)
        case .pong: break
        case .connectionClose: receivedClose(context, &frame.data)
        default: violation(context, "a frame has an unknown opcode")
        }
    }

    private func received(_ context: ChannelHandlerContext, _ message: ByteBuffer, isLast: Bool) {
        guard message.readableBytes <= limits.message else {
            return fail(context, 1009, .messageTooLarge(limits.message))
        }
        guard isLast else {
            fragments = message
            return
        }
        guard let text = String(validating: message.readableBytesView, as: UTF8.self) else {
            return fail(context, 1007, .violation("a message is not UTF-8"))
        }
        context.fireChannelRead(wrapInboundOut(text))
    }

    private func receivedClose(_ context: ChannelHandlerContext, _ data: inout ByteBuffer) {
        let code = data.readInteger(as: UInt16.self)
        guard code != nil || data.readableBytes == 0 else { return violation(context, "a close frame has half a code") }
        if let code, !Self.mayBeSent(code) { return violation(context, "a close frame has the code \(code)") }
        guard let reason = String(validating: data.readableBytesView, as: UTF8.self) else {
            return fail(context, 1007, .violation("the reason of a close frame is not UTF-8"))
        }
        if let code, code != 1000, code != 1001 {
            report(context, .closed(code: Int(code), reason: reason))
        } else {
            // The end of the messages, for NIOAsyncChannel.
            context.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        }
        sendClose(context, code)
        // The server closes the connection first (RFC 6455, 7.1.1).
        awaitEnd(context)
    }

    /// The codes that an endpoint may send (RFC 6455, 7.4).
    private static func mayBeSent(_ code: UInt16) -> Bool {
        (1000...1014).contains(code) && ![1004, 1005, 1006].contains(code) || (3000...4999).contains(code)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard state == .open else { return }
        switch error {
        case NIOWebSocketError.invalidFrameLength:
            fail(context, 1009, .messageTooLarge(limits.message))
        case NIOWebSocketError.fragmentedControlFrame:
            violation(context, "a control frame is fragmented")
        case NIOWebSocketError.multiByteControlFrameLength:
            violation(context, "a control frame has more than 125 bytes")
        default:
            context.fireErrorCaught(error)
            end(context)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        if state == .open { context.fireErrorCaught(TransportError(.closed, server: server)) }
        state = .closed
        endOfPatience?.cancel()
        context.fireChannelInactive()
    }

    // MARK: - Silence

    func read(context: ChannelHandlerContext) {
        isReading = true
        context.read()
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        isReading = false
        isPinged = false
        context.fireChannelReadComplete()
        if state == .closing { context.read() }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard case IdleStateHandler.IdleStateEvent.read = event else {
            return context.fireUserInboundEventTriggered(event)
        }
        guard isReading, state == .open else { return }
        if isPinged {
            context.fireErrorCaught(TransportError(.silent(limits.silence), server: server))
            end(context)
        } else {
            isPinged = true
            send(context, .ping, ByteBuffer())
        }
    }

    // MARK: - Sent

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard state == .open else {
            promise?.fail(ChannelError.ioOnClosedChannel)
            return
        }
        let text = ByteBuffer(string: unwrapOutboundIn(data))
        let frame = WebSocketFrame(fin: true, opcode: .text, maskKey: .random(), data: text)
        context.write(wrapOutboundOut(frame), promise: promise)
    }

    /// Closes the WebSocket first, then the connection.
    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        guard mode == .all, state != .closed else { return context.close(mode: mode, promise: promise) }
        context.channel.closeFuture.cascade(to: promise)
        guard state == .open else { return }
        sendClose(context, 1000)
        awaitEnd(context)
    }

    private func awaitEnd(_ context: ChannelHandlerContext) {
        state = .closing
        // Nobody else reads any more: the server's close frame, or the end of the connection, would not be noticed.
        context.read()
        endOfPatience = context.eventLoop.assumeIsolated().scheduleTask(in: limits.closing.timeAmount) {
            self.end(context)
        }
    }

    private func end(_ context: ChannelHandlerContext) {
        state = .closed
        endOfPatience?.cancel()
        context.close(promise: nil)
    }

    private func violation(_ context: ChannelHandlerContext, _ what: String) {
        fail(context, 1002, .violation(what))
    }

    /// The server broke the protocol, or sent what is not taken: nothing more is looked at (RFC 6455, 7.1.7). The connection ends when the
    /// server has seen why.
    private func fail(_ context: ChannelHandlerContext, _ code: UInt16, _ problem: TransportError.WebSocketProblem) {
        report(context, problem)
        sendClose(context, code)
        awaitEnd(context)
    }

    private func report(_ context: ChannelHandlerContext, _ problem: TransportError.WebSocketProblem) {
        context.fireErrorCaught(TransportError(.webSocket(problem), server: server))
    }

    private func send(_ context: ChannelHandlerContext, _ opcode: WebSocketOpcode, _ data: ByteBuffer) {
        let frame = WebSocketFrame(fin: true, opcode: opcode, maskKey: .random(), data: data)
        context.writeAndFlush(wrapOutboundOut(frame), promise: nil)
    }

    private func sendClose(_ context: ChannelHandlerContext, _ code: UInt16?) {
        var data = ByteBuffer()
        if let code { data.writeInteger(code) }
        send(context, .connectionClose, data)
    }
}
