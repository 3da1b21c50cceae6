import NIOCore
import NIOPosix

/// One side of a proxied connection: hands what it reads to the other side, no faster than that side can write.
///
/// Both sides live on one event loop. The first reads nothing until the second is connected.
final class Relay: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer

    /// How long a pod may take to accept a connection. On one machine the kernel accepts at once or never.
    private static let connectTimeout = TimeAmount.seconds(2)

    private let backends: Backends?
    private var partner: Relay?
    private var context: ChannelHandlerContext?
    private var isReadPending = false
    private var hasInputEnded = false
    private var hasOutputEnded = false

    /// The side of the client.
    init(backends: Backends) {
        self.backends = backends
    }

    /// The side of the pod.
    private init(partner: Relay) {
        backends = nil
        self.partner = partner
    }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        partner = nil
    }

    // MARK: - Connecting

    func channelActive(context: ChannelHandlerContext) {
        if let backends { connect(context, backends.inTurn()[...]) }
        context.fireChannelActive()
    }

    private func connect(_ context: ChannelHandlerContext, _ candidates: ArraySlice<SocketAddress>) {
        guard let address = candidates.first else {
            reset(context.channel)
            return
        }
        let other = NIOLoopBound(Relay(partner: self), eventLoop: context.eventLoop)
        ClientBootstrap(group: context.eventLoop)
            .connectTimeout(Self.connectTimeout)
            .channelOption(.autoRead, value: false)
            .channelOption(.maxMessagesPerRead, value: 1)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(other.value)
                }
            }
            .connect(to: address)
            .assumeIsolated()
            .whenComplete { result in
                guard let context = self.context else {
                    if case .success(let channel) = result { channel.close(promise: nil) }
                    return
                }
                switch result {
                case .failure: self.connect(context, candidates.dropFirst())
                case .success(let channel):
                    self.partner = other.value
                    for side in [context.channel, channel] {
                        try? side.syncOptions?.setOption(.autoRead, value: true)
                    }
                }
            }
    }

    /// Closes with a reset, so that the client knows at once that nobody has read what it sent.
    private func reset(_ channel: any Channel) {
        (channel as? any SocketOptionProvider)?.setSoLinger(linger(l_onoff: 1, l_linger: 0)).assumeIsolated()
            .whenComplete { _ in
                channel.close(promise: nil)
            }
    }

    // MARK: - Relaying

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        partner?.context?.write(data, promise: nil)
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        partner?.context?.flush()
        context.fireChannelReadComplete()
    }

    func read(context: ChannelHandlerContext) {
        if partner?.context?.channel.isWritable == true {
            context.read()
        } else {
            isReadPending = true
        }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { partner?.resumeReading() }
        context.fireChannelWritabilityChanged()
    }

    private func resumeReading() {
        guard isReadPending else { return }
        isReadPending = false
        context?.read()
    }

    // MARK: - Ending

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let event = event as? ChannelEvent, event == .inputClosed {
            hasInputEnded = true
            partner?.endOutput()
            closeIfDone()
        }
        context.fireUserInboundEventTriggered(event)
    }

    /// Says to this side's peer that no more comes, after everything that is still to be written.
    private func endOutput() {
        guard let context, !hasOutputEnded else { return }
        hasOutputEnded = true
        context.close(mode: .output).assumeIsolated().whenComplete { _ in self.closeIfDone() }
    }

    private func closeIfDone() {
        if hasInputEnded, hasOutputEnded { context?.close(promise: nil) }
    }

    func channelInactive(context: ChannelHandlerContext) {
        // With half-closure allowed this is an abrupt end, or the end of a connection that both sides have ended.
        partner?.context?.close(promise: nil)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if let partner = partner?.context { reset(partner.channel) }
        context.close(promise: nil)
    }
}
