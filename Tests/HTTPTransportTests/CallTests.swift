import Foundation
import HTTPTransport
import TestSupport
import Testing

typealias Call = HTTPConnection.Request

/// Runs a test with a connection to a scripted server.
func withConnection<Result: Sendable>(
    streamIdleLimit: Duration? = nil,
    pauses: Pauses = Pauses(),
    _ script: @escaping @Sendable (Received, Int) async throws -> Reply,
    _ test: (HTTPConnection, ScriptedServer) async throws -> Result
) async throws -> Result {
    try await withServer(script) { server in
        let connection = try HTTPConnection(
            baseURL: server.url, streamIdleLimit: streamIdleLimit, pause: pauses.pause)
        do {
            let result = try await test(connection, server)
            await connection.shutdown()
            return result
        } catch {
            await connection.shutdown()
            throw error
        }
    }
}

/// The transport error that an operation ends with.
func transportError(_ operation: () async throws -> Void) async throws -> TransportError {
    do {
        try await operation()
    } catch let error as TransportError {
        return error
    }
    throw NoError()
}

struct NoError: Error {}

@Suite("calls")
struct CallTests {
    @Test("a call sends its method, headers and body, and returns status, headers and body")
    func roundTrip() async throws {
        try await withConnection({ request, _ in
            .text("got \(request.body)", status: 201, headers: ["X-Colour": request.headers["x-colour"] ?? ""])
        }) { connection, server in
            let answer = try await connection.send(
                Call("PUT", "/apps/blog?dry=1", headers: ["X-Colour": "green"], body: Data("hello".utf8)))
            #expect(answer.status == 201)
            #expect(answer.headers["x-COLOUR"] == "green")
            #expect(String(decoding: answer.body, as: UTF8.self) == "got hello")
            let request = try #require(await server.requests.all.first)
            #expect(request.method == "PUT")
            #expect(request.path == "/apps/blog")
            #expect(request.query == ["dry": "1"])
        }
    }

    @Test("the path of the base URL comes before that of every call")
    func prefix() async throws {
        try await withServer({ _, _ in Reply() }) { server in
            let connection = try HTTPConnection(baseURL: server.url + "/k8s/")
            _ = try await connection.send(Call("GET", "/version"))
            await connection.shutdown()
            #expect(await server.requests.all.map(\.path) == ["/k8s/version"])
        }
    }

    @Test("a redirect is returned and not followed")
    func redirect() async throws {
        try await withConnection({ _, _ in Reply(status: 302, headers: ["Location": "/elsewhere"]) }) {
            connection, server in
            let answer = try await connection.send(Call("GET", "/"))
            #expect(answer.status == 302)
            #expect(await server.requests.all.count == 1)
        }
    }

    @Test("the deadline covers the body, not only the head")
    func deadlineCoversBody() async throws {
        try await withConnection({ _, _ in Reply(steps: [.write("half"), .hang]) }) { connection, server in
            let error = try await transportError {
                _ = try await connection.send(Call("GET", "/", deadline: .milliseconds(200)))
            }
            #expect(error.description == "127.0.0.1:\(server.port) did not send a complete response within 200 ms")
        }
    }

    @Test("a body beyond the bound is an error", arguments: [true, false])
    func largeBody(lengthIsAnnounced: Bool) async throws {
        let text = String(repeating: "x", count: 2000)
        let headers = lengthIsAnnounced ? ["Content-Length": "2000"] : [:]
        try await withConnection({ _, _ in .text(text, headers: headers) }) { connection, server in
            let error = try await transportError {
                _ = try await connection.send(Call("GET", "/", largestBody: 1000))
            }
            #expect(error == TransportError(.bodyTooLarge(1000), server: "127.0.0.1:\(server.port)"))
        }
    }

    @Test("a refused connection is reported immediately with host and port")
    func refused() async throws {
        let port = try unusedPort()
        let connection = try HTTPConnection(baseURL: "http://127.0.0.1:\(port)")
        let error = try await transportError { _ = try await connection.send(Call("GET", "/")) }
        #expect(error.description == "127.0.0.1:\(port) refused the connection: nothing is listening there")
        #expect(error.nothingWasSent)
        await connection.shutdown()
    }

    @Test("a name that does not resolve is reported")
    func unresolvable() async throws {
        let connection = try HTTPConnection(baseURL: "http://no-such-host.invalid:6443")
        let error = try await transportError { _ = try await connection.send(Call("GET", "/")) }
        #expect(error.description == "the host name of no-such-host.invalid:6443 does not resolve to an address")
        await connection.shutdown()
    }

    @Test("an invalid URL is refused before any call", arguments: ["", "blog", "ftp://127.0.0.1", "https://"])
    func invalidURL(text: String) throws {
        #expect(throws: TransportError.self) { try HTTPConnection(baseURL: text) }
    }

    @Test("a cancelled call ends with CancellationError")
    func cancellation() async throws {
        let arrived = Gate()
        try await withConnection({ _, _ in
            await arrived.open()
            return Reply(steps: [.hang])
        }) { connection, _ in
            let call = Task { try await connection.send(Call("GET", "/")) }
            await arrived.pass()
            call.cancel()
            await #expect(throws: CancellationError.self) { try await call.value }
        }
    }

    @Test("calls share a connection unless they ask for one of their own")
    func connectionReuse() async throws {
        try await withConnection({ _, _ in .text("ok") }) { connection, server in
            for _ in 0..<3 { _ = try await connection.send(Call("GET", "/")) }
            for _ in 0..<3 { _ = try await connection.send(Call("GET", "/", closesConnection: true)) }
            let requests = await server.requests.all
            #expect(Set(requests.prefix(3).map(\.clientPort)).count == 1)
            // The first of these may still use the shared connection, which it then closes.
            #expect(Set(requests.suffix(3).map(\.clientPort)).count == 3)
            #expect(requests.last?.headers["connection"] == "close")
        }
    }

    @Test("after shutdown every call fails, and a second shutdown does nothing")
    func shutdown() async throws {
        try await withConnection({ _, _ in Reply() }) { connection, server in
            await connection.shutdown()
            await connection.shutdown()
            let error = try await transportError { _ = try await connection.send(Call("GET", "/")) }
            #expect(error == TransportError(.shutDown, server: "127.0.0.1:\(server.port)"))
        }
    }

    @Test("a connection that is deallocated without shutdown is closed")
    func dropped() async throws {
        try await withServer({ _, _ in .text("ok") }) { server in
            let answer = try await HTTPConnection(baseURL: server.url).send(Call("GET", "/"))
            #expect(answer.status == 200)
        }
    }
}
