import Foundation
import TestSupport
import Testing

@testable import HTTPTransport

@Suite("retries")
struct RetryTests {
    @Test("a call is retried after 503, no earlier than Retry-After")
    func retryAfter() async throws {
        let pauses = Pauses()
        try await withConnection(
            pauses: pauses,
            { _, number in
                number < 2 ? Reply(status: 503, headers: ["Retry-After": "7"]) : .text("at last")
            }
        ) { connection, server in
            let answer = try await connection.send(Call("GET", "/", retry: .standard))
            #expect(answer.status == 200)
            #expect(await server.requests.all.count == 3)
            #expect(await pauses.all == [.seconds(7), .seconds(7)])
        }
    }

    @Test("the back-off doubles with jitter up to its limit, and the last response is returned")
    func backOff() async throws {
        let pauses = Pauses()
        var policy = RetryPolicy.standard
        policy.attempts = 8
        policy.longestDelay = .seconds(2)
        let call = Call("GET", "/", retry: policy)
        try await withConnection(pauses: pauses, { _, _ in Reply(status: 500) }) { connection, server in
            let answer = try await connection.send(call)
            #expect(answer.status == 500)
            #expect(await server.requests.all.count == 8)
            let steps: [Double] = [0.2, 0.4, 0.8, 1.6, 2, 2, 2]
            let waits = await pauses.all
            #expect(waits.count == steps.count)
            for (wait, step) in zip(waits, steps) {
                #expect(wait >= .seconds(step / 2) && wait <= .seconds(step))
            }
        }
    }

    @Test("a POST is retried after 429, when the server did nothing, and not after 503")
    func unsafeMethods() async throws {
        try await withConnection({ _, number in Reply(status: number == 0 ? 429 : 503) }) { connection, server in
            let answer = try await connection.send(Call("POST", "/", retry: .standard))
            #expect(answer.status == 503)
            #expect(await server.requests.all.count == 2)
        }
    }

    @Test("after a lost connection a GET is retried and a POST fails")
    func lostConnection() async throws {
        let script: @Sendable (Received, Int) async throws -> Reply = { _, number in
            number == 0 ? Reply(steps: [.write("half"), .drop]) : .text("whole")
        }
        try await withConnection(script) { connection, _ in
            let answer = try await connection.send(Call("GET", "/", retry: .standard))
            #expect(String(decoding: answer.body, as: UTF8.self) == "whole")
        }
        try await withConnection(script) { connection, server in
            let error = try await transportError {
                _ = try await connection.send(Call("POST", "/", retry: .standard))
            }
            #expect(
                error.description
                    == "127.0.0.1:\(server.port) closed the connection before the response was complete")
            #expect(await server.requests.all.count == 1)
        }
    }

    @Test("after a refused connection every method is retried")
    func refusedConnection() async throws {
        let pauses = Pauses()
        let port = try unusedPort()
        let connection = try HTTPConnection(baseURL: "http://127.0.0.1:\(port)", pause: pauses.pause)
        let error = try await transportError { _ = try await connection.send(Call("POST", "/", retry: .standard)) }
        #expect(error.kind == .refused)
        #expect(await pauses.all.count == 4)
        await connection.shutdown()
    }

    @Test("without time for another attempt, the last response is returned immediately")
    func noHopelessWait() async throws {
        let pauses = Pauses()
        try await withConnection(pauses: pauses, { _, _ in Reply(status: 429, headers: ["Retry-After": "3600"]) }) {
            connection, _ in
            let answer = try await connection.send(Call("GET", "/", retry: .standard))
            #expect(answer.status == 429)
            #expect(await pauses.all.isEmpty)
        }
    }

    @Test("Retry-After is read as seconds and as a date")
    func retryAfterForms() throws {
        #expect(HTTPConnection.Headers([("Retry-After", " 12 ")]).retryAfter == .seconds(12))
        #expect(HTTPConnection.Headers([("Retry-After", "soon")]).retryAfter == nil)
        #expect(HTTPConnection.Headers([("Retry-After", "Wed, 21 Oct 2015 07:28:00 GMT")]).retryAfter == .zero)
        let far = HTTPConnection.Headers([("Retry-After", "Tue, 01 Jan 2999 00:00:00 GMT")])
        #expect(try #require(far.retryAfter) > .seconds(3600))
    }
}
