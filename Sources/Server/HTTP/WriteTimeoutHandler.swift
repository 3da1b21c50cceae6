import Controller
import NIOCore
import ReleaseMachine

/// Closes a connection whose client reads nothing of a response for too long. Otherwise the connection, and the data waiting to be
/// written to it, would stay forever.
final class WriteTimeoutHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = NIOAny
    typealias InboundOut = NIOAny

    /// The limit while the server shuts down.
    private static let shutdownLimit = TimeAmount.seconds(2)

    private var limit: TimeAmount
    private var timer: Scheduled<Void>?

    init(limit: Duration) {
        self.limit = .nanoseconds(limit.milliseconds * 1_000_000)
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        watch(context)
        context.fireChannelWritabilityChanged()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is ChannelShouldQuiesceEvent {
            limit = min(limit, WriteTimeoutHandler.shutdownLimit)
            watch(context)
        }
        context.fireUserInboundEventTriggered(event)
    }

    private func watch(_ context: ChannelHandlerContext) {
        timer?.cancel()
        timer = nil
        guard !context.channel.isWritable else { return }
        let channel = context.channel
        timer = context.eventLoop.scheduleTask(in: limit) { channel.close(promise: nil) }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        timer?.cancel()
    }
}
