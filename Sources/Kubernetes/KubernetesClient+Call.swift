import Foundation
import HTTPTransport

/// A request to the API, without credentials.
struct Call: Sendable {
    var operation: KubernetesError.Operation
    var path: String
    var query: [(name: String, value: String)] = []
    var contentType = "application/json"
    var accept = "application/json"
    var body: JSON?
    /// Whether the request is idempotent.
    var isRepeatable = true
    /// An object is at most 1.5 MiB in etcd, and somewhat more as JSON.
    var largestBody = 4 << 20

    /// A page of 500 pods has about 5 MiB.
    static let largestList = 32 << 20

    init(_ verb: String, _ resource: Resource, _ name: String?, _ namespace: String?, subresource: String? = nil) {
        operation = .init(
            verb: verb, resource: resource.qualifiedName + (subresource.map { "/\($0)" } ?? ""), name: name,
            namespace: resource.isNamespaced ? namespace : nil)
        path = resource.path(namespace: namespace, name: name, subresource: subresource)
    }

    mutating func select(labels: String?, fields: String?) {
        if let labels, !labels.isEmpty { query.append(("labelSelector", labels)) }
        if let fields, !fields.isEmpty { query.append(("fieldSelector", fields)) }
    }

    func managed(by manager: String, dryRun: Bool) -> Call {
        var call = self
        call.query.append(("fieldManager", manager))
        if dryRun { call.query.append(("dryRun", "All")) }
        return call
    }

    var method: String {
        switch operation.verb {
        case "create": "POST"
        case "update": "PUT"
        case "patch": "PATCH"
        case "delete": "DELETE"
        default: "GET"
        }
    }

    var retry: RetryPolicy {
        var policy = RetryPolicy.standard
        if isRepeatable {
            policy.methods = [method]
        } else {
            policy.methods = []
            // If the server acted despite a 503, the retry of a change bound to a version is a conflict.
            if operation.verb != "create" { policy.refusals.insert(503) }
        }
        return policy
    }

    /// - Throws: `JSON.NotFinite` for a body with infinity or NaN.
    func request(
        _ context: APISession.CallContext, deadline: Duration
    ) throws(JSON.NotFinite) -> HTTPConnection.Request {
        var request = HTTPConnection.Request(
            method, path + PercentEncoding.query(query), deadline: deadline, largestBody: largestBody, retry: retry)
        request.headers["Accept"] = accept
        request.headers["User-Agent"] = "viridian"
        request.headers["Authorization"] = context.authorization
        for (name, value) in context.impersonation?.headers ?? [] { request.headers.add(name, value) }
        if let body {
            request.body = try body.data
            request.headers["Content-Type"] = contentType
        }
        return request
    }
}

extension KubernetesClient {
    /// Sends a call and parses the response as JSON.
    func object(_ call: Call) async throws -> JSON {
        guard let reads, call.method == "GET" else { return try await sent(call) }
        return try await reads.answer(to: call) { try await sent(call) }
    }

    private func sent(_ call: Call) async throws -> JSON {
        let answer = try await send(call)
        do {
            return try JSON(parsing: answer.body)
        } catch {
            throw invalidResponse(call, "the response is not JSON")
        }
    }

    /// Sends a call. After a 401, it is sent once more with new credentials.
    func send(_ call: Call) async throws -> HTTPConnection.Response {
        let context = try await context(call)
        var answer = try await send(call, context)
        if answer.status == 401, context.isRenewable {
            await session.discard(context)
            answer = try await send(call, self.context(call))
        }
        guard answer.isSuccess else { throw refusal(call, status: answer.status, body: answer.body) }
        return answer
    }

    private func send(_ call: Call, _ context: APISession.CallContext) async throws -> HTTPConnection.Response {
        try await convertingErrors(call) {
            try await context.connection.send(call.request(context, deadline: deadline))
        }
    }

    /// Starts a stream. After a 401, it is started once more with new credentials.
    /// - Throws: `StreamRefused` for an error status.
    func stream(_ call: Call, watching: Bool, limit: LineLimit) async throws -> LineStream {
        var context = try await context(call)
        for isLast in [false, true] {
            let connection = watching ? context.watches : context.connection
            let stream = try await convertingErrors(call) {
                try await connection.lines(call.request(context, deadline: deadline), limit: limit)
            }
            if (200..<300).contains(stream.status) { return stream }
            let body = try await convertingErrors(call) { try await stream.collect() }
            guard stream.status == 401, context.isRenewable, !isLast else {
                throw StreamRefused(
                    error: refusal(call, status: stream.status, body: body), retryAfter: stream.headers.retryAfter)
            }
            await session.discard(context)
            context = try await self.context(call)
        }
        throw invalidResponse(call, "no response")
    }

    private func context(_ call: Call) async throws -> APISession.CallContext {
        try await convertingErrors(call) { try await session.context() }
    }

    /// Converts transport errors to `KubernetesError`.
    func convertingErrors<Value>(_ call: Call, _ operation: () async throws -> Value) async throws -> Value {
        do {
            return try await operation()
        } catch let error as TransportError {
            throw KubernetesError.noResponse(
                call.operation, server: access.server, origin: access.origin, error)
        } catch let error as JSON.NotFinite {
            let problem = TransportError(.invalidRequest("\(error)"), server: access.server)
            throw KubernetesError.noResponse(
                call.operation, server: access.server, origin: access.origin, problem)
        }
    }

    func refusal(_ call: Call, status: Int, body: Data) -> KubernetesError {
        .refused(.init(operation: call.operation, origin: access.origin, status: status, body: body))
    }

    func invalidResponse(_ call: Call, _ problem: String) -> KubernetesError {
        .invalidResponse(call.operation, server: access.server, origin: access.origin, problem: problem)
    }
}

/// The response to a stream request had an error status.
struct StreamRefused: Error {
    var error: KubernetesError
    var retryAfter: Duration?
}
