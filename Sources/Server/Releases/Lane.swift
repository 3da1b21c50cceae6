import NIOConcurrencyHelpers
import NIOCore
import NIOHTTP1

/// Viewers of one stream whose connections share an event loop. What is due to them is written there, to one after the other, so that
/// an event costs each of them a write, and not a task that is woken for it.
///
/// While one round of writes goes on, and for a while after it, what comes is collected: it leaves in one write, and other requests
/// get their turn between two rounds, however many watch and however fast things happen.
///
/// Writes go in below everything that speaks of requests, right above HTTP's encoder, which frames them. Whoever hands a viewer over
/// writes nothing to its connection until the viewer has left.
final class Lane: Sendable {
    /// One message of the stream, framed.
    struct Message: Sendable {
        var sequence: Int
        var frame: ByteBuffer
    }

    private struct Due {
        var messages: [Message] = []
        /// Somebody will come for them.
        var isExpected = false
    }

    private struct Viewer {
        var id: Int
        var outlet: ChannelHandlerContext
        /// The newest message that was written to it.
        var sequence: Int
        var departure: AsyncStream<Int>.Continuation
    }

    /// Between two rounds: as long as the last one took, and no longer than this.
    private static let longestPause = TimeAmount.milliseconds(20)

    private let loop: any EventLoop
    private let due = NIOLockedValueBox(Due())
    private let viewers: NIOLoopBoundBox<[Viewer]>

    init(_ loop: any EventLoop) {
        self.loop = loop
        viewers = .makeBoxSendingValue([], eventLoop: loop)
    }

    /// Writes what is published from now on to the viewer's connection. The stream that is returned tells once, with the newest message
    /// that was written to it, that it has left: because it takes no more for the time being, or everybody was dismissed. It ends
    /// without a word when nothing can be written to it any more.
    func join(_ id: Int, _ channel: any Channel, after sequence: Int) -> AsyncStream<Int> {
        let (departures, departure) = AsyncStream.makeStream(of: Int.self)
        loop.execute {
            // The decoder stands right above the encoder: what is written from its place begins with the encoder.
            let place = try? channel.pipeline.syncOperations.context(
                handlerType: ByteToMessageHandler<HTTPRequestDecoder>.self)
            guard let outlet = place else { return departure.finish() }
            self.viewers.value.append(Viewer(id: id, outlet: outlet, sequence: sequence, departure: departure))
        }
        return departures
    }

    func leave(_ id: Int) {
        loop.execute { self.viewers.value.removeAll { $0.id == id } }
    }

    /// To be called in the messages' order.
    func publish(_ messages: [Message]) {
        let isFirst = due.withLockedValue { due in
            due.messages += messages
            defer { due.isExpected = true }
            return !due.isExpected
        }
        if isFirst { loop.execute { self.flush() } }
    }

    /// Tells everybody that the server is still there.
    func beat(_ heartbeat: ByteBuffer) {
        loop.execute {
            for viewer in self.viewers.value where viewer.outlet.channel.isWritable {
                Lane.write(heartbeat, to: viewer)
            }
        }
    }

    /// Gives one viewer back to whoever handed it over.
    func dismiss(_ id: Int) {
        loop.execute {
            for viewer in self.viewers.value where viewer.id == id { Lane.depart(viewer) }
            self.viewers.value.removeAll { $0.id == id }
        }
    }

    /// Gives every viewer back to whoever handed it over, with all that was published.
    func dismiss() {
        loop.execute {
            self.write(self.take())
            for viewer in self.viewers.value { Lane.depart(viewer) }
            self.viewers.value = []
        }
    }

    // MARK: - On the loop

    private func flush() {
        let began = NIODeadline.now()
        write(take())
        loop.scheduleTask(in: min(NIODeadline.now() - began, Lane.longestPause)) {
            let isMore = self.due.withLockedValue { due in
                due.isExpected = !due.messages.isEmpty
                return due.isExpected
            }
            if isMore { self.flush() }
        }
    }

    private func take() -> [Message] {
        due.withLockedValue { due in
            defer { due.messages = [] }
            return due.messages
        }
    }

    private func write(_ messages: [Message]) {
        guard let first = messages.first?.sequence, let last = messages.last?.sequence else { return }
        let all = messages.map(\.frame).joined()
        var viewers: [Viewer] = []
        swap(&viewers, &self.viewers.value)
        viewers.removeAll { viewer in
            guard !viewer.outlet.channel.isWritable else { return false }
            // It goes on at its own pace.
            Lane.depart(viewer)
            return true
        }
        for index in viewers.indices where viewers[index].sequence < last {
            let known = viewers[index].sequence
            // Who has come in the meantime may have seen the first of them.
            Lane.write(
                known < first ? all : messages.filter { $0.sequence > known }.map(\.frame).joined(), to: viewers[index])
            viewers[index].sequence = last
        }
        swap(&viewers, &self.viewers.value)
    }

    private static func write(_ data: ByteBuffer, to viewer: Viewer) {
        viewer.outlet.writeAndFlush(NIOAny(HTTPServerResponsePart.body(.byteBuffer(data))), promise: nil)
    }

    private static func depart(_ viewer: Viewer) {
        viewer.departure.yield(viewer.sequence)
        viewer.departure.finish()
    }
}

extension [ByteBuffer] {
    /// One buffer of all; a single one is not copied.
    func joined() -> ByteBuffer {
        guard count > 1, var all = first else { return first ?? ByteBuffer() }
        all.reserveCapacity(minimumWritableBytes: dropFirst().map(\.readableBytes).reduce(0, +))
        for buffer in dropFirst() { all.writeImmutableBuffer(buffer) }
        return all
    }
}
