import Controller
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdCore
import NIOCore
import ReleaseMachine

/// Server-sent events (the HTML standard, section 9.2): a release's events, or changes of any app.
struct EventStreams: Sendable {
    let services: Services

    /// The release's events after the one that `Last-Event-ID` names, and those to come; ends with an `end` message.
    func release(_ tail: ReleaseTail, after sequence: Int, _ request: Request) -> Response {
        stream(request) { [services] writer in
            let (id, signals) = await tail.watch()
            var last = sequence
            var beat = ContinuousClock.now
            var iterator = signals.makeAsyncIterator()
            do {
                while !Task.isCancelled {
                    let (frames, newest, isEnd) = await tail.messages(after: last)
                    if !frames.isEmpty {
                        try await writer.write(EventStreams.joined(frames))
                        last = newest
                        beat = .now
                    }
                    if isEnd {
                        let state = await tail.release.state
                        try await writer.write(
                            ByteBuffer(string: "event: end\ndata: {\"state\":\"\(state.rawValue)\"}\n\n"))
                        break
                    }
                    if !frames.isEmpty { continue }
                    guard await iterator.next() != nil else { break }
                    if .now - beat >= services.settings.heartbeat {
                        try await writer.write(EventStreams.heartbeat)
                        beat = .now
                    }
                }
                await tail.unwatch(id)
            } catch {
                await tail.unwatch(id)
                throw error
            }
        }
    }

    /// A message for each app that changes, from now on.
    func changes(_ identity: Identity, _ request: Request) -> Response {
        stream(request) { [services] writer in
            let board = services.board
            let (id, signals) = await board.watchChanges()
            var last = await board.version
            var beat = ContinuousClock.now
            do {
                try await writer.write(EventStreams.heartbeat)
                for await _ in signals {
                    let version = await board.version
                    var text = ""
                    for app in await board.changes(after: last) where identity.sees(app.app) {
                        text += "data: \(try app.jsonLine())\n\n"
                    }
                    last = version
                    if !text.isEmpty {
                        try await writer.write(ByteBuffer(string: text))
                        beat = .now
                    } else if .now - beat >= services.settings.heartbeat {
                        try await writer.write(EventStreams.heartbeat)
                        beat = .now
                    }
                }
                await board.unwatchChanges(id)
            } catch {
                await board.unwatchChanges(id)
                throw error
            }
        }
    }

    private static let heartbeat = ByteBuffer(string: ": still here\n\n")

    private static func joined(_ frames: ArraySlice<ByteBuffer>) -> ByteBuffer {
        guard frames.count > 1, var all = frames.first else { return frames.first ?? ByteBuffer() }
        for frame in frames.dropFirst() { all.writeImmutableBuffer(frame) }
        return all
    }

    private func stream(
        _ request: Request,
        _ body: @escaping @Sendable (inout any ResponseBodyWriter) async throws -> Void
    ) -> Response {
        var headers: HTTPFields = [.contentType: "text/event-stream", .cacheControl: "no-store"]
        // nginx would keep events back until they fill a buffer.
        if let name = HTTPField.Name("X-Accel-Buffering") { headers[name] = "no" }
        return Response(
            status: .ok,
            headers: headers,
            body: ResponseBody { [services] writer in
                services.metrics.count("viridian_event_streams", by: 1)
                defer { services.metrics.count("viridian_event_streams", by: -1) }
                do {
                    try await request.body.consumeWithCancellationOnInboundClose { _ in
                        try await body(&writer)
                    }
                } catch is CancellationError {
                    // The viewer has gone.
                }
                try await writer.finish(nil)
            }
        )
    }
}
