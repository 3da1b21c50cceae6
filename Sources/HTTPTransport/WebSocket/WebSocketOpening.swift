import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import NIOTLS
import NIOWebSocket
import Synchronization

/// Opens what a WebSocket runs on, one step after the other: the connection, the proxy's tunnel, TLS, the upgrade.
struct WebSocketOpening: Sendable {
    typealias MessageChannel = NIOAsyncChannel<String, String>

    private let address: WebSocketAddress
    private let proxy: ProxyServer?
    private let limits: WebSocketConnection.Limits
    private let context: NIOSSLContext?
    /// The name that the certificate must have; nil: any.
    private let certificateName: String?

    /// - Throws: `TransportError` for a proxy of a kind that is not supported, `TLSIdentityError` for unreadable certificates.
    init(
        _ address: WebSocketAddress, tls: TLSIdentity, proxy: ProxyServer?, limits: WebSocketConnection.Limits
    ) throws {
        self.address = address
        self.proxy = proxy
        self.limits = limits
        if let proxy, proxy.kind != .http {
            throw TransportError(
                .proxy("\(proxy) is a SOCKS proxy, which is not supported for WebSockets"), server: address.server)
        }
        guard address.isSecure else {
            (context, certificateName) = (nil, nil)
            return
        }
        var configuration = try tls.configuration()
        configuration.applicationProtocols = ["http/1.1"]
        certificateName = tls.serverName ?? address.host
        // NIOSSL would also accept the socket's remote address, which may be the proxy's: see CertificateName.
        if tls.trust != .unverified { configuration.certificateVerification = .noHostnameVerification }
        context = try NIOSSLContext(configuration: configuration)
    }

    /// - Returns: an open WebSocket. Its caller must call `executeThenClose`.
    /// - Throws: `TransportError`, or `CancellationError` when the task was cancelled.
    func run() async throws -> MessageChannel {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let attempt = Attempt(on: loop)
        let deadline = loop.scheduleTask(in: limits.opening.timeAmount) {
            attempt.fail(TransportError(.deadline(limits.opening), server: address.server))
        }
        defer { deadline.cancel() }
        ClientBootstrap(group: loop)
            .connectTimeout(limits.opening.timeAmount)
            .connect(host: proxy?.host ?? address.host, port: proxy?.port ?? address.port)
            .flatMap { channel in
                attempt.hold(channel)
                return tunnel(channel).flatMap { secure(channel) }.flatMap { upgrade(channel, attempt) }
            }
            .whenFailure { attempt.fail($0) }
        do {
            return try await withTaskCancellationHandler {
                try await attempt.result.get()
            } onCancel: {
                attempt.fail(CancellationError())
            }
        } catch let error as CancellationError {
            throw error
        } catch let error as NIOHTTPClientUpgradeError {
            let problem =
                error == .upgraderDeniedUpgrade
                ? "its Sec-WebSocket-Accept is not the one for the request"
                : "its answer does not upgrade to a WebSocket"
            throw TransportError(.webSocket(.notOpened(problem)), server: address.server)
        } catch {
            throw ErrorTranslation(server: address.server, proxy: proxy)(error)
        }
    }

    // MARK: - Steps

    private func tunnel(_ channel: any Channel) -> EventLoopFuture<Void> {
        guard let proxy else { return channel.eventLoop.makeSucceededVoidFuture() }
        return ProxyTunnel.open(on: channel, to: address.server, through: proxy)
    }

    private func secure(_ channel: any Channel) -> EventLoopFuture<Void> {
        guard let context, let certificateName else { return channel.eventLoop.makeSucceededVoidFuture() }
        let handshake = channel.eventLoop.makePromise(of: Void.self)
        do {
            // An address cannot be a server name (RFC 6066, 3).
            let name = IPAddress(certificateName) == nil ? certificateName : nil
            try channel.pipeline.syncOperations.addHandlers([
                try NIOSSLClientHandler(context: context, serverHostname: name), HandshakeHandler(handshake),
            ])
        } catch {
            handshake.fail(error)
        }
        guard context.configuration.certificateVerification != .none else { return handshake.futureResult }
        // Before anything is sent: the URL is a secret.
        return handshake.futureResult.flatMap {
            CertificateName(certificateName).check(channel, server: address.server)
        }
    }

    private func upgrade(_ channel: any Channel, _ attempt: Attempt) -> EventLoopFuture<Void> {
        let limits = limits
        let server = address.server
        let upgrader = NIOTypedWebSocketClientUpgrader<Void>(
            maxFrameSize: limits.message, enableAutomaticErrorHandling: false
        ) { channel, _ in
            channel.eventLoop.makeCompletedFuture {
                let pipeline = channel.pipeline.syncOperations
                // Handlers that are added now would not be told that the server has closed the connection already.
                guard channel.isActive else { throw ChannelError.ioOnClosedChannel }
                // First in the pipeline: bytes of a frame that is not complete also show that the server is alive.
                try pipeline.addHandler(
                    IdleStateHandler(readTimeout: (limits.silence / 2).timeAmount), position: .first)
                try pipeline.addHandler(WebSocketMessageHandler(server: server, limits: limits))
                try attempt.succeed { try MessageChannel(wrappingChannelSynchronously: channel) }
            }
        }
        return channel.eventLoop.makeCompletedFuture {
            let handlers: [any ChannelHandler & RemovableChannelHandler] = [
                HTTPRequestEncoder(),
                ByteToMessageHandler(HTTPResponseDecoder(leftOverBytesStrategy: .forwardBytes)),
                UpgradeResponseHandler(server: server),
            ]
            let request = HTTPRequestHead(
                version: .http1_1, method: .GET, uri: address.target,
                headers: ["Host": address.authority, "User-Agent": "viridian"])
            let upgrade = NIOTypedHTTPClientUpgradeHandler(
                httpHandlers: handlers,
                upgradeConfiguration: .init(
                    upgradeRequestHead: request, upgraders: [upgrader],
                    // Not called: UpgradeResponseHandler lets only a 101 pass.
                    notUpgradingCompletionHandler: { $0.eventLoop.makeFailedFuture(ChannelError.eof) }))
            try channel.pipeline.syncOperations.addHandlers(handlers)
            try channel.pipeline.syncOperations.addHandler(upgrade)
            return upgrade.upgradeResultFuture
        }.flatMap { $0 }
    }
}

/// One attempt, which ends once: with an open WebSocket, or with an error and a closed connection.
private final class Attempt: Sendable {
    private struct State {
        var hasEnded = false
        var channel: (any Channel)?
    }

    private let state = Mutex(State())
    private let promise: EventLoopPromise<WebSocketOpening.MessageChannel>
    var result: EventLoopFuture<WebSocketOpening.MessageChannel> { promise.futureResult }

    init(on loop: any EventLoop) { promise = loop.makePromise() }

    /// The connection that is closed when the attempt fails, and that may fail by being closed.
    func hold(_ channel: any Channel) {
        let hasEnded = state.withLock { state in
            state.channel = channel
            return state.hasEnded
        }
        if hasEnded { channel.close(promise: nil) }
        channel.closeFuture.whenComplete { _ in self.fail(ChannelError.ioOnClosedChannel) }
    }

    func fail(_ error: any Error) {
        guard let channel = end() else { return }
        promise.fail(error)
        channel.value?.close(promise: nil)
    }

    /// Makes the result, unless the attempt has ended: nobody would close it then.
    func succeed(_ make: () throws -> WebSocketOpening.MessageChannel) throws {
        guard end() != nil else { throw CancellationError() }
        do {
            promise.succeed(try make())
        } catch {
            promise.fail(error)
            throw error
        }
    }

    private struct Held { var value: (any Channel)? }

    /// - Returns: nil when it has ended before.
    private func end() -> Held? {
        state.withLock { state in
            guard !state.hasEnded else { return nil }
            state.hasEnded = true
            return Held(value: state.channel)
        }
    }
}

/// Tells how the TLS handshake ends.
private final class HandshakeHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = NIOAny

    private let promise: EventLoopPromise<Void>

    init(_ promise: EventLoopPromise<Void>) { self.promise = promise }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let event = event as? TLSUserEvent, case .handshakeCompleted = event {
            promise.succeed()
            context.pipeline.syncOperations.removeHandler(self, promise: nil)
        }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        promise.fail(error)
        context.fireErrorCaught(error)
    }

    func channelInactive(context: ChannelHandlerContext) {
        promise.fail(ChannelError.eof)
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) { promise.fail(ChannelError.eof) }
}
