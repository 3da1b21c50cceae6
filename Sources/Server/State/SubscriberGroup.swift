import NIOConcurrencyHelpers
import NIOCore
import NIOHTTP1

/// The subscribers of one event stream whose connections share an event loop. The group writes to all of them on that loop, so that an
/// event costs each one a write, and no task has to be woken.
///
/// Messages that are published during a round of writes, and for a while after it, are collected and leave in one write. Other requests
/// run between two rounds, with any number of subscribers and any rate of events.
///
/// Writes enter the pipeline right above HTTP's encoder. The caller of `join` must not write to the connection until the subscriber has
/// left the group.
final class SubscriberGroup: Sendable {
    /// One message of the stream, framed.
    struct Message: Sendable {
        var sequence: Int
        var frame: ByteBuffer
    }

    private struct Pending {
        var messages: [Message] = []
        /// Whether a flush is scheduled.
        var isScheduled = false
    }

    private struct Subscriber {
        var id: Int
        /// Where writes enter its pipeline.
        var entryPoint: ChannelHandlerContext
        /// The newest message that was written to it.
        var sequence: Int
        var departure: AsyncStream<Int>.Continuation
    }

    /// The pause between two rounds is as long as the last round, at most this.
    private static let longestPause = TimeAmount.milliseconds(20)

    private let loop: any EventLoop
    private let pending = NIOLockedValueBox(Pending())
    private let subscribers: NIOLoopBoundBox<[Subscriber]>

    init(_ loop: any EventLoop) {
        self.loop = loop
        subscribers = .makeBoxSendingValue([], eventLoop: loop)
    }

    /// Writes the messages that are published from now on to the subscriber's connection.
    /// - Returns: a stream that yields once, when the subscriber leaves because its connection is not writable or it was dismissed: the
    ///   newest message that was written to it. The stream ends without an element when the connection is closed.
    func join(_ id: Int, _ channel: any Channel, after sequence: Int) -> AsyncStream<Int> {
        let (departures, departure) = AsyncStream.makeStream(of: Int.self)
        loop.execute {
            // The decoder is right above the encoder: a write from its context starts with the encoder.
            let context = try? channel.pipeline.syncOperations.context(
                handlerType: ByteToMessageHandler<HTTPRequestDecoder>.self)
            guard let entryPoint = context else { return departure.finish() }
            self.subscribers.value.append(
                Subscriber(id: id, entryPoint: entryPoint, sequence: sequence, departure: departure))
        }
        return departures
    }

    func leave(_ id: Int) {
        loop.execute { self.subscribers.value.removeAll { $0.id == id } }
    }

    /// Must be called in the order of the messages.
    func publish(_ messages: [Message]) {
        let isFirst = pending.withLockedValue { pending in
            pending.messages += messages
            defer { pending.isScheduled = true }
            return !pending.isScheduled
        }
        if isFirst { loop.execute { self.flush() } }
    }

    /// Writes a heartbeat to the subscribers whose connections are writable.
    func send(_ heartbeat: ByteBuffer) {
        loop.execute {
            for subscriber in self.subscribers.value where subscriber.entryPoint.channel.isWritable {
                SubscriberGroup.write(heartbeat, to: subscriber)
            }
        }
    }

    /// Removes a subscriber; its stream yields.
    func dismiss(_ id: Int) {
        loop.execute {
            for subscriber in self.subscribers.value where subscriber.id == id { SubscriberGroup.depart(subscriber) }
            self.subscribers.value.removeAll { $0.id == id }
        }
    }

    /// Writes all published messages, and removes every subscriber.
    func dismiss() {
        loop.execute {
            self.write(self.take())
            for subscriber in self.subscribers.value { SubscriberGroup.depart(subscriber) }
            self.subscribers.value = []
        }
    }

    // MARK: - On the loop

    private func flush() {
        let began = NIODeadline.now()
        write(take())
        loop.scheduleTask(in: min(NIODeadline.now() - began, SubscriberGroup.longestPause)) {
            let isMore = self.pending.withLockedValue { pending in
                pending.isScheduled = !pending.messages.isEmpty
                return pending.isScheduled
            }
            if isMore { self.flush() }
        }
    }

    private func take() -> [Message] {
        pending.withLockedValue { pending in
            defer { pending.messages = [] }
            return pending.messages
        }
    }

    private func write(_ messages: [Message]) {
        guard let first = messages.first?.sequence, let last = messages.last?.sequence else { return }
        let all = messages.map(\.frame).joined()
        var subscribers: [Subscriber] = []
        swap(&subscribers, &self.subscribers.value)
        subscribers.removeAll { subscriber in
            guard !subscriber.entryPoint.channel.isWritable else { return false }
            // It reads the next events at its own pace.
            SubscriberGroup.depart(subscriber)
            return true
        }
        for index in subscribers.indices where subscribers[index].sequence < last {
            let known = subscribers[index].sequence
            // A subscriber that joined meanwhile may have the first of them already.
            SubscriberGroup.write(
                known < first ? all : messages.filter { $0.sequence > known }.map(\.frame).joined(),
                to: subscribers[index])
            subscribers[index].sequence = last
        }
        swap(&subscribers, &self.subscribers.value)
    }

    private static func write(_ data: ByteBuffer, to subscriber: Subscriber) {
        subscriber.entryPoint.writeAndFlush(NIOAny(HTTPServerResponsePart.body(.byteBuffer(data))), promise: nil)
    }

    private static func depart(_ subscriber: Subscriber) {
        subscriber.departure.yield(subscriber.sequence)
        subscriber.departure.finish()
    }
}

extension [ByteBuffer] {
    /// All buffers as one; a single one is not copied.
    func joined() -> ByteBuffer {
        guard count > 1, var all = first else { return first ?? ByteBuffer() }
        all.reserveCapacity(minimumWritableBytes: dropFirst().map(\.readableBytes).reduce(0, +))
        for buffer in dropFirst() { all.writeImmutableBuffer(buffer) }
        return all
    }
}
