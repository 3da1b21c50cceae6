import Foundation
import HTTPTransport

/// One request to the API before it has credentials.
struct Call: Sendable {
    var operation: KubernetesError.Operation
    var path: String
    var query: [(name: String, value: String)] = []
    var contentType = "application/json"
    var accept = "application/json"
    var body: JSON?
    /// Whether doing it twice is the same as doing it once.
    var isRepeatable = true
    /// One object is at most 1.5 MiB in etcd, and somewhat more as JSON.
    var largestBody = 4 << 20

    /// A page of 500 pods has some 5 MiB.
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
            // A change bound to a version that was carried out although the server said 503 shows as a conflict.
            if operation.verb != "create" { policy.refusals.insert(503) }
        }
        return policy
    }

    /// - Throws: `JSON.NotFinite` for a body that JSON cannot hold.
    func request(
        _ ticket: APISession.Ticket, deadline: Duration
    ) throws(JSON.NotFinite) -> HTTPConnection.Request {
        var request = HTTPConnection.Request(
            method, path + PercentEncoding.query(query), deadline: deadline, largestBody: largestBody, retry: retry)
        request.headers["Accept"] = accept
        request.headers["User-Agent"] = "viridian"
        request.headers["Authorization"] = ticket.authorization
        for (name, value) in ticket.impersonation?.headers ?? [] { request.headers.add(name, value) }
        if let body {
            request.body = try body.data
            request.headers["Content-Type"] = contentType
        }
        return request
    }
}

extension KubernetesClient {
    /// Sends a call and reads the JSON of its answer.
    func object(_ call: Call) async throws -> JSON {
        let answer = try await send(call)
        do {
            return try JSON(parsing: answer.body)
        } catch {
            throw unintelligible(call, "its answer is not JSON")
        }
    }

    /// Sends a call, with fresh credentials once more when they were not accepted.
    func send(_ call: Call) async throws -> HTTPConnection.Response {
        let ticket = try await ticket(call)
        var answer = try await send(call, ticket)
        if answer.status == 401, ticket.isRenewable {
            await session.discard(ticket)
            answer = try await send(call, self.ticket(call))
        }
        guard answer.isSuccess else { throw refusal(call, status: answer.status, body: answer.body) }
        return answer
    }

    private func send(_ call: Call, _ ticket: APISession.Ticket) async throws -> HTTPConnection.Response {
        try await naming(call) { try await ticket.connection.send(call.request(ticket, deadline: deadline)) }
    }

    /// Starts a stream, with fresh credentials once more when they were not accepted.
    /// - Throws: `StreamRefused` for an error status.
    func stream(_ call: Call, watching: Bool, limit: LineLimit) async throws -> LineStream {
        var ticket = try await ticket(call)
        for isLast in [false, true] {
            let connection = watching ? ticket.watches : ticket.connection
            let stream = try await naming(call) {
                try await connection.lines(call.request(ticket, deadline: deadline), limit: limit)
            }
            if (200..<300).contains(stream.status) { return stream }
            let body = try await naming(call) { try await stream.collect() }
            guard stream.status == 401, ticket.isRenewable, !isLast else {
                throw StreamRefused(
                    error: refusal(call, status: stream.status, body: body), retryAfter: stream.headers.retryAfter)
            }
            await session.discard(ticket)
            ticket = try await self.ticket(call)
        }
        throw unintelligible(call, "no answer")
    }

    private func ticket(_ call: Call) async throws -> APISession.Ticket {
        try await naming(call) { try await session.ticket() }
    }

    /// Gives errors of the transport the words of this room.
    func naming<Value>(_ call: Call, _ operation: () async throws -> Value) async throws -> Value {
        do {
            return try await operation()
        } catch let error as TransportError {
            throw KubernetesError.unanswered(
                call.operation, server: access.server, origin: access.origin, error)
        } catch let error as JSON.NotFinite {
            let problem = TransportError(.invalidRequest("\(error)"), server: access.server)
            throw KubernetesError.unanswered(
                call.operation, server: access.server, origin: access.origin, problem)
        }
    }

    func refusal(_ call: Call, status: Int, body: Data) -> KubernetesError {
        .refused(.init(operation: call.operation, origin: access.origin, status: status, body: body))
    }

    func unintelligible(_ call: Call, _ problem: String) -> KubernetesError {
        .unintelligible(call.operation, server: access.server, origin: access.origin, problem: problem)
    }
}

/// A stream was answered with an error status.
struct StreamRefused: Error {
    var error: KubernetesError
    var retryAfter: Duration?
}
