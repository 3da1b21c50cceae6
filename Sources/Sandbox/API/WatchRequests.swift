import Foundation
import HTTPTypes
import Hummingbird
import Kubernetes
import NIOCore

/// Watches: a streaming response with one event per line.
extension APIServer {
    func watch(
        _ request: Request, _ info: RequestInfo, _ context: APIContext, _ target: ResourceTarget, _ view: ObjectView
    ) async throws -> Response {
        let filter = try info.filter()
        let start: Objects.WatchStart
        if info.flag("sendInitialEvents") {
            start = .currentWithBookmark
        } else if let revision = info.number("resourceVersion"), revision > 0 {
            start = .after(revision)
        } else {
            start = .current
        }
        let bookmarks = info.flag("allowWatchBookmarks")
        let watch = await store.perform {
            $0.watch(target.type, filter, from: start, bookmarks: bookmarks, isExternal: true)
        }
        // An API server ends watches after 30 to 60 minutes, or earlier if the client requests it.
        let timeout = TimeAmount.seconds(Int64(min(max(0, info.number("timeoutSeconds") ?? 3_600), 3_600)))
        let timer = context.channel.eventLoop.scheduleTask(in: timeout) { watch.end() }
        return Response(
            status: .ok, headers: [.contentType: "application/json", .cacheControl: "no-cache, private"],
            body: ResponseBody { writer in
                defer {
                    timer.cancel()
                    watch.end()
                }
                var view = view
                // A closed connection cancels this, also when there are no events.
                try await request.body.consumeWithCancellationOnInboundClose { _ in
                    // Sends the head immediately, so that the client knows that the watch has started.
                    try await writer.write(ByteBuffer())
                    for await event in watch.events {
                        try await writer.write(ByteBuffer(string: view.event(event).text + "\n"))
                    }
                }
                try await writer.finish(nil)
            })
    }
}
