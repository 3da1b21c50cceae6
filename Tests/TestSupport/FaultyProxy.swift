import NIOCore
import NIOPosix
import Synchronization

/// A TCP proxy on loopback, to a server at a Unix socket, which can be told to disturb what passes through it.
package struct FaultyProxy: Sendable {
    package enum Side: Sendable { case client, server }

    package enum Action: Sendable {
        case pass
        /// It goes nowhere, and the connection stays.
        case swallow
        /// It goes nowhere, and the connection ends on both sides.
        case cut
    }

    /// What is done with bytes from one of the sides.
    package typealias Rule = @Sendable (Side, _ bytes: [UInt8]) -> Action

    package let port: Int
    private let rule: RuleBox

    /// From now on this is done; `nil`: everything passes.
    package func set(_ rule: Rule?) { self.rule.rule.withLock { $0 = rule } }

    fileprivate final class RuleBox: Sendable {
        let rule = Mutex<Rule?>(nil)
    }

    fileprivate init(port: Int, rule: RuleBox) {
        self.port = port
        self.rule = rule
    }
}

/// Runs a test with a proxy to the server at a Unix socket.
///
/// It works on NIO's threads alone: a test that blocks others of this process does not hold up what passes.
package func withFaultyProxy<Result: Sendable>(
    to socket: String, _ test: @escaping @Sendable (FaultyProxy) async throws -> Result
) async throws -> Result {
    let rule = FaultyProxy.RuleBox()
    let listener = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
        .childChannelInitializer { client in
            // Both on one thread, so that what one says can be given to the other.
            ClientBootstrap(group: client.eventLoop).connect(unixDomainSocketPath: socket).flatMap { server in
                client.eventLoop.makeCompletedFuture {
                    try client.pipeline.syncOperations.addHandler(Passing(.client, to: server, rule))
                    try server.pipeline.syncOperations.addHandler(Passing(.server, to: client, rule))
                }
            }
        }
        .bind(host: "127.0.0.1", port: 0).get()
    let result: Swift.Result<Result, any Error>
    do {
        result = .success(try await test(FaultyProxy(port: listener.localAddress?.port ?? 0, rule: rule)))
    } catch {
        result = .failure(error)
    }
    try await listener.close()
    return try result.get()
}

/// Gives what one side says to the other.
private final class Passing: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let side: FaultyProxy.Side
    private let other: any Channel
    private let rule: FaultyProxy.RuleBox

    init(_ side: FaultyProxy.Side, to other: any Channel, _ rule: FaultyProxy.RuleBox) {
        self.side = side
        self.other = other
        self.rule = rule
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes = unwrapInboundIn(data)
        let rule = rule.rule.withLock { $0 }
        switch rule?(side, Array(buffer: bytes)) ?? .pass {
        case .pass: other.writeAndFlush(bytes, promise: nil)
        case .swallow: break
        case .cut:
            other.close(promise: nil)
            context.close(promise: nil)
        }
    }

    func channelInactive(context: ChannelHandlerContext) { other.close(promise: nil) }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
