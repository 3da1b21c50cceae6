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

    /// The release's events after number `sequence`, then the others as they happen; ends with an `end` message.
    func release(_ feed: ReleaseFeed, after sequence: Int, _ request: Request, _ context: ServerContext) -> Response {
        stream(request) { writer in
            let viewer = await feed.enter()
            do {
                try await whileAuthenticated(context) {
                    await feed.dismiss(viewer)
                } _: {
                    try await EventStreams.send(feed, to: viewer, at: context.channel, after: sequence, &writer)
                }
                await feed.leave(viewer)
            } catch {
                await feed.leave(viewer)
                throw error
            }
        }
    }

    private static func send(
        _ feed: ReleaseFeed,
        to viewer: Int,
        at channel: any Channel,
        after sequence: Int,
        _ writer: inout any ResponseBodyWriter
    ) async throws {
        var last = sequence
        while !Task.isCancelled {
            let (frames, newest, isEnd) = try await feed.messages(after: last)
            if !frames.isEmpty {
                try await writer.write(frames.joined())
                last = newest
            }
            if isEnd {
                let state = await feed.release.state
                return try await writer.write(
                    ByteBuffer(string: "event: end\ndata: {\"state\":\"\(state.rawValue)\"}\n\n"))
            }
            switch await feed.join(viewer, channel, after: last) {
            case .behind: continue
            case .over: return
            case .joined(let departures):
                var iterator = departures.makeAsyncIterator()
                guard let reached = await iterator.next() else { return }
                last = reached
            }
        }
    }

    /// From now on, a message for each app that changes.
    func changes(_ identity: Identity, _ request: Request, _ context: ServerContext) -> Response {
        stream(request) { writer in
            let appStates = services.appStates
            let (id, signals) = await appStates.watchChanges()
            do {
                try await whileAuthenticated(context) {
                    await appStates.unwatchChanges(id)
                } _: {
                    try await sendChanges(signals, to: identity, &writer)
                }
                await appStates.unwatchChanges(id)
            } catch {
                await appStates.unwatchChanges(id)
                throw error
            }
        }
    }

    private func sendChanges(
        _ signals: AsyncStream<Void>, to identity: Identity, _ writer: inout any ResponseBodyWriter
    ) async throws {
        let appStates = services.appStates
        var last = await appStates.version
        var lastMessage = ContinuousClock.now
        try await writer.write(ReleaseFeed.heartbeat)
        for await _ in signals {
            let (apps, version) = try await appStates.changes(after: last)
            let text = apps.filter { identity.sees($0.name) }.map { "data: \($0.json)\n\n" }.joined()
            last = version
            if !text.isEmpty {
                try await writer.write(ByteBuffer(string: text))
                lastMessage = .now
            } else if .now - lastMessage >= services.settings.heartbeat {
                try await writer.write(ReleaseFeed.heartbeat)
                lastMessage = .now
            }
        }
    }

    /// Runs `body` while the caller's token or session is valid; then calls `end`, which ends it.
    private func whileAuthenticated(
        _ context: ServerContext, end: @escaping @Sendable () async -> Void, _ body: () async throws -> Void
    ) async throws {
        guard let identity = context.identity else { throw APIError.unauthorized }
        let authenticator = services.authenticator
        try await authenticator.streams.whileValid(
            identity.id,
            checkingEvery: services.settings.heartbeat,
            // When the journal cannot be read there are no events to send either.
            isStillValid: { (try? await authenticator.isStillValid(identity, context.session)) ?? true },
            end: end,
            body)
    }

    private func stream(
        _ request: Request,
        _ body: @escaping @Sendable (inout any ResponseBodyWriter) async throws -> Void
    ) -> Response {
        // Hummingbird stops reading from the connection with the end of the stream and closes it: a client must not reuse it.
        var headers: HTTPFields = [
            .contentType: "text/event-stream", .cacheControl: "no-store", .connection: "close",
        ]
        // Otherwise nginx keeps events back until they fill a buffer.
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
                    // The client has gone.
                }
                try await writer.finish(nil)
            }
        )
    }
}
