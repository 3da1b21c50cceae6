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
    func release(_ tail: ReleaseTail, after sequence: Int, _ request: Request, _ context: ServerContext) -> Response {
        stream(request) { writer in
            let viewer = await tail.enter()
            do {
                try await whileIn(context) {
                    await tail.dismiss(viewer)
                } _: {
                    try await EventStreams.tell(tail, to: viewer, at: context.channel, after: sequence, &writer)
                }
                await tail.leave(viewer)
            } catch {
                await tail.leave(viewer)
                throw error
            }
        }
    }

    private static func tell(
        _ tail: ReleaseTail,
        to viewer: Int,
        at channel: any Channel,
        after sequence: Int,
        _ writer: inout any ResponseBodyWriter
    ) async throws {
        var last = sequence
        while !Task.isCancelled {
            let (frames, newest, isEnd) = try await tail.messages(after: last)
            if !frames.isEmpty {
                try await writer.write(frames.joined())
                last = newest
            }
            if isEnd {
                let state = await tail.release.state
                return try await writer.write(
                    ByteBuffer(string: "event: end\ndata: {\"state\":\"\(state.rawValue)\"}\n\n"))
            }
            switch await tail.join(viewer, channel, after: last) {
            case .behind: continue
            case .over: return
            case .joined(let departures):
                var iterator = departures.makeAsyncIterator()
                guard let reached = await iterator.next() else { return }
                last = reached
            }
        }
    }

    /// A message for each app that changes, from now on.
    func changes(_ identity: Identity, _ request: Request, _ context: ServerContext) -> Response {
        stream(request) { writer in
            let board = services.board
            let (id, signals) = await board.watchChanges()
            do {
                try await whileIn(context) {
                    await board.unwatchChanges(id)
                } _: {
                    try await tellChanges(signals, to: identity, &writer)
                }
                await board.unwatchChanges(id)
            } catch {
                await board.unwatchChanges(id)
                throw error
            }
        }
    }

    private func tellChanges(
        _ signals: AsyncStream<Void>, to identity: Identity, _ writer: inout any ResponseBodyWriter
    ) async throws {
        let board = services.board
        var last = await board.version
        var beat = ContinuousClock.now
        try await writer.write(ReleaseTail.heartbeat)
        for await _ in signals {
            let (apps, version) = try await board.changes(after: last)
            let text = apps.filter { identity.sees($0.name) }.map { "data: \($0.json)\n\n" }.joined()
            last = version
            if !text.isEmpty {
                try await writer.write(ByteBuffer(string: text))
                beat = .now
            } else if .now - beat >= services.settings.heartbeat {
                try await writer.write(ReleaseTail.heartbeat)
                beat = .now
            }
        }
    }

    /// Runs `body` for as long as whoever asked would still be let in; then calls `end`, which ends it.
    private func whileIn(
        _ context: ServerContext, end: @escaping @Sendable () async -> Void, _ body: () async throws -> Void
    ) async throws {
        guard let identity = context.identity else { throw APIError.unauthorized }
        let access = services.access
        try await access.streams.during(
            identity.tokenID,
            askingEvery: services.settings.heartbeat,
            // A journal that cannot be read has nothing to tell either.
            isStillIn: { (try? access.isStillIn(identity, context.session)) ?? true },
            end: end,
            body)
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
