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
struct RequestBodyMiddleware: RouterMiddleware {
    typealias Context = ServerContext

    private static let shutdownTimeout = TimeAmount.seconds(1)

    let settings: ServerSettings
    /// The largest body of a delivery, in bytes.
    let maximumHookBody: Int
    /// Senders sign the body: until it has been read whole, anybody may have sent it. So only a few large ones are read at once.
    private let largeBodies = NIOLockedValueBox(0)
    private static let mostLargeBodies = 8

    init(settings: ServerSettings, maximumHookBody: Int) {
        self.settings = settings
        self.maximumHookBody = maximumHookBody
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
        let limit = Surface(request) == .hooks ? maximumHookBody : settings.maximumBody
        let length = request.headers[.contentLength].flatMap { Int($0) }
        if let length, length > limit { throw tooLarge(limit) }
        let isLarge = limit > 1 << 20 && length ?? limit > 1 << 20
        if isLarge { try beginLargeBody() }
        defer { if isLarge { largeBodies.withLockedValue { $0 -= 1 } } }
        let isRead = NIOLockedValueBox(false)
        let closeUnlessRead = { @Sendable [channel = context.channel] (limit: TimeAmount) in
            channel.eventLoop.scheduleTask(in: limit) {
                if !isRead.withLockedValue({ $0 }) { channel.close(promise: nil) }
            }
        }
        let deadline = closeUnlessRead(.nanoseconds(settings.idleTimeout.milliseconds * 1_000_000))
        defer { deadline.cancel() }
        do {
            defer { isRead.withLockedValue { $0 = true } }
            return try await withGracefulShutdownHandler {
                try await request.body.collect(upTo: limit)
            } onGracefulShutdown: {
                _ = closeUnlessRead(Self.shutdownTimeout)
            }
        } catch is NIOTooManyBytesError {
            throw tooLarge(limit)
        }
    }

    private func beginLargeBody() throws(APIError) {
        let isFree = largeBodies.withLockedValue { count in
            guard count < Self.mostLargeBodies else { return false }
            count += 1
            return true
        }
        guard isFree else {
            throw APIError(
                .serviceUnavailable, "busy",
                "the server reads \(Self.mostLargeBodies) large bodies already: send it again",
                headers: ["Retry-After": "1"])
        }
    }

    private func tooLarge(_ limit: Int) -> APIError {
        APIError(.contentTooLarge, "too_large", "the body is larger than \(limit >> 10) KiB")
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
