import Controller
import Foundation
import HTTPTransport

/// Calls the API of a viridian server.
struct APIClient: Sendable {
    private let connection: HTTPConnection
    private let headers: HTTPConnection.Headers

    /// `token` is an access token from `viridian token create`.
    init(_ url: String, token: String) throws {
        // The server sends something at least every 15 s: a stream that is silent for longer is lost.
        let proxy = try ProxyEnvironment(ProcessInfo.processInfo.environment).proxy(for: url)
        connection = try HTTPConnection(baseURL: url, proxy: proxy, streamIdleLimit: .seconds(60))
        headers = ["Authorization": "Bearer \(token)", "Content-Type": "application/json"]
    }

    var name: String { connection.server }

    func close() async { await connection.shutdown() }

    func get<Answer: Decodable>(_ path: String, _ type: Answer.Type = Answer.self) async throws -> Answer {
        try await call("GET", path, nil)
    }

    func post<Answer: Decodable>(
        _ path: String,
        _ body: some Encodable,
        _ type: Answer.Type = Answer.self
    ) async throws -> Answer {
        try await call("POST", path, Data(try body.jsonLine().utf8))
    }

    func delete(_ path: String) async throws {
        _ = try await answer("DELETE", path, nil)
    }

    /// The server-sent events after event `sequence`.
    func events(_ path: String, after sequence: Int) async throws -> LineStream {
        var headers = headers
        headers["Accept"] = "text/event-stream"
        headers["Last-Event-ID"] = "\(sequence)"
        let stream = try await connection.lines(.init("GET", path, headers: headers, deadline: .seconds(30)))
        guard stream.status == 200 else { throw APIClientError(stream.status, try await stream.collect(), at: name) }
        return stream
    }

    private func call<Answer: Decodable>(_ method: String, _ path: String, _ body: Data?) async throws -> Answer {
        let response = try await answer(method, path, body)
        do {
            return try JSONDecoder().decode(Answer.self, from: response.body)
        } catch {
            throw APIClientError(
                status: response.status, code: "invalid_response",
                message: "\(name) gave an invalid response: is it a viridian server of this version?")
        }
    }

    private func answer(_ method: String, _ path: String, _ body: Data?) async throws -> HTTPConnection.Response {
        // A deploy is answered when the release has started, for which the server calls the cluster.
        let request = HTTPConnection.Request(method, path, headers: headers, body: body, deadline: .seconds(60))
        let response = try await connection.send(request)
        guard response.isSuccess else { throw APIClientError(response.status, response.body, at: name) }
        return response
    }
}

/// An error response of the server.
struct APIClientError: Error, CustomStringConvertible {
    var status: Int
    var code: String
    var message: String

    init(status: Int, code: String, message: String) {
        self.status = status
        self.code = code
        self.message = message
    }

    init(_ status: Int, _ body: Data, at server: String) {
        struct Answer: Decodable {
            struct Body: Decodable {
                var code: String
                var message: String
            }
            var error: Body
        }
        let answer = try? JSONDecoder().decode(Answer.self, from: body)
        self.init(
            status: status,
            code: answer?.error.code ?? "invalid_response",
            message: answer?.error.message ?? "\(server) answered with HTTP status \(status): is it a viridian server?"
        )
    }

    /// Another release of the app is running.
    var isBusy: Bool { code == "release_running" }
    /// Whether a retry may help.
    var isTransient: Bool { status >= 500 || status == 429 }
    var description: String { message }
}
