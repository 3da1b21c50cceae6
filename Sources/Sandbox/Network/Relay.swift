import NIOCore
import NIOPosix

/// One side of a proxied connection: forwards data to the other side, with back-pressure.
///
/// Both sides use one event loop. The first does not read until the second is connected.
final class Relay: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer

    /// The time limit for connecting to a pod. On one machine, the kernel accepts immediately or not at all.
    private static let connectTimeout = TimeAmount.seconds(2)

    private let backends: Backends?
    private var partner: Relay?
    private var context: ChannelHandlerContext?
    private var isReadPending = false
    private var hasInputEnded = false
    private var hasOutputEnded = false

    /// The client's side.
    init(backends: Backends) {
        self.backends = backends
    }

    /// The pod's side.
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

    /// Closes with a TCP reset, so that the client knows that its data was not read.
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

    /// Closes the output of this side after pending writes.
    private func endOutput() {
        guard let context, !hasOutputEnded else { return }
        hasOutputEnded = true
        context.close(mode: .output).assumeIsolated().whenComplete { _ in self.closeIfDone() }
    }

    private func closeIfDone() {
        if hasInputEnded, hasOutputEnded { context?.close(promise: nil) }
    }

    func channelInactive(context: ChannelHandlerContext) {
        // With half-closure enabled, this is an abrupt close, or both sides have ended.
        partner?.context?.close(promise: nil)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if let partner = partner?.context { reset(partner.channel) }
        context.close(promise: nil)
    }
}
