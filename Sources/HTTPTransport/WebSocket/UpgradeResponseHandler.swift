import NIOCore
import NIOHTTP1

/// Lets only the response pass that opens a WebSocket without extensions and subprotocols, which were not requested (RFC 6455, 4.1).
/// `Sec-WebSocket-Accept` is checked by NIO.
final class UpgradeResponseHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias InboundOut = HTTPClientResponsePart

    private let server: String
    private var hasFailed = false

    init(server: String) { self.server = server }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !hasFailed else { return }
        if case .head(let head) = unwrapInboundIn(data), let problem = Self.problem(head) {
            hasFailed = true
            context.fireErrorCaught(TransportError(.webSocket(.notOpened(problem)), server: server))
            return
        }
        context.fireChannelRead(data)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard error is HTTPParserError else { return context.fireErrorCaught(error) }
        hasFailed = true
        context.fireErrorCaught(
            TransportError(.webSocket(.notOpened("it does not answer in HTTP")), server: server))
    }

    private static func problem(_ head: HTTPResponseHead) -> String? {
        guard head.status == .switchingProtocols else {
            return "it answered \(head.status.code) instead of 101"
        }
        let headers = head.headers
        guard headers[canonicalForm: "Upgrade"].map({ $0.lowercased() }) == ["websocket"],
            headers[canonicalForm: "Connection"].contains(where: { $0.lowercased() == "upgrade" })
        else { return "its answer does not upgrade to a WebSocket" }
        guard headers["Sec-WebSocket-Accept"].count == 1 else { return "its answer has no Sec-WebSocket-Accept" }
        guard headers["Sec-WebSocket-Extensions"].isEmpty, headers["Sec-WebSocket-Protocol"].isEmpty else {
            return "its answer has an extension or a subprotocol that was not requested"
        }
        return nil
    }
}
