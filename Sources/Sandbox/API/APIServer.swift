import Foundation
import HTTPTypes
import Hummingbird
import Kubernetes
import Logging
import NIOCore

/// The context of a request, with its connection, which a fault may close.
struct APIContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    let channel: any Channel

    init(source: ApplicationRequestContextSource) {
        coreContext = .init(source: source)
        channel = source.channel
    }
}

/// Handles a request to the API: authentication, faults, then discovery or objects.
struct APIServer: HTTPResponder {
    typealias Context = APIContext

    let store: ObjectStore
    let logs: ContainerLogs
    let proxy: ServiceProxy
    let events: EventRecorder
    let faults: Faults
    let authenticator: RequestAuthenticator
    let counts = RequestCounts()
    let logger: Logger

    func respond(to request: Request, context: APIContext) async throws -> Response {
        let info = RequestInfo(request)
        do {
            try authenticator.check(request)
            counts.add(info)
            switch faults.action(for: info) {
            case .none: break
            case .delay(let duration): try await Task.sleep(for: duration)
            case .drop:
                try? await context.channel.close()
                throw StatusError(code: 500, reason: "InternalError", message: "the connection was closed by a fault")
            case .refuse(let error): throw error
            }
            logger.debug("request", metadata: ["verb": "\(info.verb)", "path": "\(info.path)"])
            return try await answer(request, info, context)
        } catch let error as StatusError {
            return Response.json(error.status, status: .init(code: error.code))
        } catch is CancellationError {
            throw CancellationError()
        } catch {
            logger.error("request failed", metadata: ["path": "\(info.path)", "error": "\(error)"])
            let status = StatusError(
                code: 500, reason: "InternalError", message: "Internal error occurred: \(error)")
            return Response.json(status.status, status: .internalServerError)
        }
    }

    private func answer(_ request: Request, _ info: RequestInfo, _ context: APIContext) async throws -> Response {
        if let target = info.resource {
            try faults.checkAccess(info)
            return try await answer(request, info, context, target)
        }
        if info.method == .get, let document = Discovery.document(info.path) { return .json(document) }
        if info.method == .get, info.path == "/openapi/v2" {
            return Response(
                status: .ok, headers: [.contentType: OpenAPIVersion2.contentType],
                body: .init(byteBuffer: ByteBuffer(bytes: OpenAPIVersion2.document)))
        }
        if info.method == .get, ["/healthz", "/livez", "/readyz"].contains(info.path) {
            return Response(status: .ok, body: .init(byteBuffer: ByteBuffer(string: "ok")))
        }
        if info.method == .get, info.path == "/metrics" {
            return Response(
                status: .ok, headers: [.contentType: "text/plain; version=0.0.4"],
                body: .init(byteBuffer: ByteBuffer(string: counts.text)))
        }
        if info.method == .post, info.path.hasPrefix("/apis/authorization.k8s.io/v1/") {
            return .json(try AccessReview.answer(try await body(request), faults), status: .created)
        }
        throw StatusError.noSuchPath
    }

    /// The request's body as JSON.
    func body(_ request: Request) async throws -> JSON {
        let buffer = try await request.body.collect(upTo: 4 << 20)
        guard buffer.readableBytes > 0 else { return .null }
        try authenticator.checkMediaType(request)
        do {
            return try JSON(parsing: Data(buffer.readableBytesView))
        } catch {
            throw StatusError.badRequest("the body of the request is not JSON: \(error)")
        }
    }
}

extension Response {
    static func json(_ value: JSON, status: HTTPResponse.Status = .ok) -> Response {
        Response(
            status: status, headers: [.contentType: "application/json"],
            body: .init(byteBuffer: ByteBuffer(string: value.text)))
    }
}
