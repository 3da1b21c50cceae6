import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdCore
import NIOConcurrencyHelpers
import NIOCore
import ReleaseMachine
import ServiceLifecycle

/// Reads the whole body into `context.body`, and a form's fields into `context.form`. A body that is too large is refused with 413; a
/// connection whose body takes longer than the idle timeout, or a second when the server stops, is closed.
///
/// The body of a delivery that is refused is read to its end and dropped: senders read no answer before they have sent everything.
struct RequestBodyMiddleware: RouterMiddleware {
    typealias Context = ServerContext

    private static let shutdownTimeout = TimeAmount.seconds(1)

    let services: Services
    private let memory = BodyMemory()
    private var settings: ServerSettings { services.settings }

    init(services: Services) {
        self.services = services
    }

    func handle(
        _ request: Request, context: ServerContext, next: (Request, ServerContext) async throws -> Response
    ) async throws -> Response {
        guard request.method != .get, request.method != .head else { return try await next(request, context) }
        var context = context
        context.body = try await body(of: request, context)
        let type = request.headers[.contentType]?.lowercased() ?? ""
        if type.hasPrefix("application/x-www-form-urlencoded"), Surface(request) == .pages {
            context.form = Self.fields(String(buffer: context.body))
        }
        return try await next(request, context)
    }

    private func body(of request: Request, _ context: ServerContext) async throws -> ByteBuffer {
        let plan =
            Surface(request) == .hooks
            ? BodyReading(
                limit: request.uri.path.hasPrefix("/slack/")
                    ? API.largestSlackBody : services.hookSettings.maximumBody,
                mostDropped: 64 << 20, refusal: services.refusal(ofHead: request, context))
            : BodyReading(limit: settings.maximumBody, mostDropped: 0, refusal: nil)
        var reading = plan
        try reading.begin(length: request.headers[.contentLength].flatMap { Int($0) })

        let isRead = NIOLockedValueBox(false)
        let closeUnlessRead = { @Sendable [channel = context.channel] (limit: TimeAmount) in
            channel.eventLoop.scheduleTask(in: limit) {
                if !isRead.withLockedValue({ $0 }) { channel.close(promise: nil) }
            }
        }
        let deadline = closeUnlessRead(.nanoseconds(settings.idleTimeout.milliseconds * 1_000_000))
        defer { deadline.cancel() }
        var taken = 0
        defer {
            isRead.withLockedValue { $0 = true }
            memory.giveBack(taken)
        }
        return try await withGracefulShutdownHandler {
            for try await part in request.body {
                try reading.add(part)
                let more = max(0, reading.kept - BodyMemory.small) - taken
                if taken == 0, more > 0 { _ = closeUnlessRead(BodyMemory.limit) }
                if more <= 0 {
                    memory.giveBack(-more)
                } else if !memory.take(more) {
                    try reading.refuse(BodyMemory.busy)
                    continue
                }
                taken += more
            }
            return try reading.end()
        } onGracefulShutdown: {
            _ = closeUnlessRead(Self.shutdownTimeout)
        }
    }

    private static func fields(_ text: String) -> [String: String] {
        var fields: [String: String] = [:]
        for pair in text.split(separator: "&").prefix(100) {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let decoded = parts.map { $0.replacing("+", with: " ").removingPercentEncoding ?? "" }
            fields[decoded[0]] = decoded.count > 1 ? decoded[1] : ""
        }
        return fields
    }
}
