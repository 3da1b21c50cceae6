import Controller
import NIOCore
import ReleaseMachine

/// Cuts off a client that takes nothing of its answer for too long. Without it a reader that sleeps would hold its connection, and
/// what waits to be written to it, for ever.
final class StallHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = NIOAny
    typealias InboundOut = NIOAny

    /// How long such a client is waited for when the server ends.
    private static let limitAtTheEnd = TimeAmount.seconds(2)

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
            limit = min(limit, StallHandler.limitAtTheEnd)
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
