import NIOCore
import NIOHTTP1

/// A tunnel through an HTTP proxy: CONNECT (RFC 9110, 9.3.6).
enum ProxyTunnel {
    /// Succeeds when what is written to the channel reaches the server.
    static func open(
        on channel: any Channel, to server: String, through proxy: ProxyServer
    ) -> EventLoopFuture<Void> {
        let answer = channel.eventLoop.makePromise(of: Void.self)
        let handlers: [any ChannelHandler & RemovableChannelHandler] = [
            HTTPRequestEncoder(),
            ByteToMessageHandler(HTTPResponseDecoder(leftOverBytesStrategy: .dropBytes)),
            Handler(answer, server: server, proxy: proxy),
        ]
        var headers: HTTPHeaders = ["Host": server]
        if let authorization = proxy.basicAuthorization {
            headers.add(name: "Proxy-Authorization", value: authorization)
        }
        let request = HTTPRequestHead(version: .http1_1, method: .CONNECT, uri: server, headers: headers)
        do {
            try channel.pipeline.syncOperations.addHandlers(handlers)
            channel.pipeline.write(HTTPClientRequestPart.head(request), promise: nil)
            channel.pipeline.writeAndFlush(HTTPClientRequestPart.end(nil), promise: nil)
        } catch {
            answer.fail(error)
        }
        return answer.futureResult.flatMap {
            let pipeline = channel.pipeline.syncOperations
            return .andAllSucceed(handlers.reversed().map { pipeline.removeHandler($0) }, on: channel.eventLoop)
        }
    }

    private final class Handler: ChannelInboundHandler, RemovableChannelHandler {
        typealias InboundIn = HTTPClientResponsePart

        private let answer: EventLoopPromise<Void>
        private let server: String
        private let proxy: ProxyServer

        init(_ answer: EventLoopPromise<Void>, server: String, proxy: ProxyServer) {
            (self.answer, self.server, self.proxy) = (answer, server, proxy)
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            switch unwrapInboundIn(data) {
            case .head(let head):
                switch head.status.code {
                case 200..<300: break
                case 407: fail("requires a user and a password, or rejected the ones given")
                case let code: fail("refused to connect to it (status \(code))")
                }
            case .end: answer.succeed()
            case .body: break
            }
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            error is HTTPParserError ? fail("does not answer in HTTP") : answer.fail(error)
        }

        func channelInactive(context: ChannelHandlerContext) {
            fail("closed the connection")
            context.fireChannelInactive()
        }

        func handlerRemoved(context: ChannelHandlerContext) { fail("closed the connection") }

        private func fail(_ what: String) {
            answer.fail(TransportError(.proxy("\(proxy) \(what)"), server: server))
        }
    }
}
