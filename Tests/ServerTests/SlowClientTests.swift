import Controller
import Foundation
import Journal
import ReleaseMachine
import Testing

@testable import Server

#if canImport(Glibc)
    import Glibc
#endif

@Suite("Slow and half-open clients")
struct SlowClientTests {
    @Test("connections with a slow head or body are closed, and others are served meanwhile")
    func slow() async throws {
        try await withServer(settings: { $0.idleTimeout = .milliseconds(500) }) { server in
            let head = try RawConnection(port: server.port)
            head.send("GET /api/v1/apps HTTP/1.1\r\nHost: x\r\n")
            let silent = try RawConnection(port: server.port)
            let body = try RawConnection(port: server.port)
            body.send(
                "POST /api/v1/apps/blog/releases HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                    + "Authorization: Bearer \(server.admin)\r\nContent-Length: 1000\r\n\r\n{\"vers")
            // A busy machine may need longer than the limit from the connection to the request.
            let isServed = try await eventually { try? await server.get("/healthz").status == 200 ? true : nil }
            #expect(isServed == true)
            for connection in [head, silent, body] { #expect(try await connection.readToEnd() != nil) }
            #expect(try await server.journal.numbers(app: "blog", limit: 1) == [])
        }
    }

    @Test("a client that has closed its side of the connection gets its answer, and the connection ends")
    func halfOpen() async throws {
        try await withServer { server in
            let half = try RawConnection(port: server.port)
            half.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            shutdown(half.descriptor, Int32(SHUT_WR))
            #expect(try await half.readToEnd()?.hasPrefix("HTTP/1.1 200") == true)
        }
    }

    @Test("after the response to a GET or HEAD with a body the connection is closed")
    func bodyOfGet() async throws {
        try await withServer { server in
            for method in ["GET", "HEAD"] {
                for head in ["Content-Length: 100", "Transfer-Encoding: chunked"] {
                    let connection = try RawConnection(port: server.port)
                    connection.send("\(method) /healthz HTTP/1.1\r\nHost: x\r\n\(head)\r\n\r\n1")
                    let answer = try #require(
                        try await connection.readToEnd(), "\(method) \(head): still open")
                    #expect(answer.hasPrefix("HTTP/1.1 200"), "\(answer)")
                    #expect(answer.lowercased().contains("connection: close"), "\(answer)")
                    #expect(answer.hasSuffix("\r\n\r\n") == (method == "HEAD"), "\(answer)")
                }
            }
            #expect(try await server.get("/healthz", headers: ["Content-Length": "0"]).status == 200)
        }
    }

    @Test(
        "a missing body, a client that does not read, and a cluster that does not answer do not delay the shutdown"
    )
    func end() async throws {
        // Whatever the server waited for would keep it for longer than the test waits.
        let limit = testLimit + .seconds(120)
        let (connections, ending) = try await withServer(
            settings: { ($0.idleTimeout, $0.writeTimeout, $0.shutdownLimit) = (limit, limit, limit) }
        ) { server in
            _ = try await server.deploy(more: #", "verify": true"#)
            _ = try await server.release(1, in: .paused)
            let next = try await server.journal.events(app: "blog", number: 1).count + 1
            for line in 0..<60 {
                let text = String(repeating: "\(line) ", count: 20_000)
                try await server.journal.append(
                    RecordedEvent(sequence: next + line, at: SystemClock().now, event: .said(.init(text))), app: "blog",
                    number: 1)
            }
            let bearer = "Host: x\r\nAuthorization: Bearer \(server.admin)\r\n"
            let stalled = try RawConnection(port: server.port, receiveBuffer: 4096)
            stalled.send(
                "GET /api/v1/apps/blog/releases/1/events HTTP/1.1\r\nAccept: text/event-stream\r\n\(bearer)\r\n")
            let body = try RawConnection(port: server.port)
            body.send("POST /api/v1/apps/blog/rollback HTTP/1.1\r\n\(bearer)Content-Length: 100\r\n\r\n{")
            await server.world.fallSilent()
            let check = Task { await server.services.driftMonitor.check("blog") }
            let isOpen = try await eventually {
                server.services.metrics.text.contains("viridian_event_streams 1\n") ? true : nil
            }
            #expect(isOpen == true)
            _ = check
            return ([stalled, body], ContinuousClock.now)
        }
        #expect(ContinuousClock.now - ending < testLimit)
        withExtendedLifetime(connections) {}
    }

    @Test("a body that is too large is refused before it is sent")
    func large() async throws {
        try await withServer { server in
            let connection = try RawConnection(port: server.port)
            connection.send(
                "POST /api/v1/apps/blog/releases HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                    + "Authorization: Bearer \(server.admin)\r\nContent-Length: 1000000000\r\n\r\n")
            let answer = try await connection.readToEnd()
            #expect(
                answer?.hasPrefix("HTTP/1.1 413") == true && answer?.contains("too_large") == true,
                "\(answer ?? "nothing")")
            let chunked = try RawConnection(port: server.port)
            chunked.send(
                "POST /api/v1/apps/blog/releases HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                    + "Authorization: Bearer \(server.admin)\r\nTransfer-Encoding: chunked\r\n\r\n")
            for _ in 0..<20 { chunked.send("2000\r\n" + String(repeating: "x", count: 8192) + "\r\n") }
            let second = try await chunked.readToEnd()
            #expect(second?.hasPrefix("HTTP/1.1 413") == true, "\(second?.prefix(200) ?? "nothing")")
        }
    }

    @Test("a request that is not HTTP gets 400 or no answer")
    func noHTTP() async throws {
        try await withServer { server in
            for text in [
                "\u{16}\u{3}\u{1}\u{2}\0\0", "GET /\r\n\r\n", "GET / HTTP/9.9\r\n\r\n",
                "GET / HTTP/1.1\r\nHost: x\r\nA: " + String(repeating: "a", count: 40_000) + "\r\n\r\n",
                "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
                "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
            ] {
                let connection = try RawConnection(port: server.port)
                connection.send(text)
                let answer = try #require(try await connection.readToEnd(), "\(text.prefix(30))")
                #expect(answer.isEmpty || answer.hasPrefix("HTTP/1.1 400"), "\(text.prefix(30)): \(answer.prefix(100))")
            }
            #expect(try await server.get("/healthz").status == 200)
        }
    }

    @Test("a viewer that does not read is disconnected")
    func stalled() async throws {
        try await withServer(settings: { $0.writeTimeout = .milliseconds(500) }) { server in
            _ = try await server.deploy(more: #", "verify": true"#)
            _ = try await server.release(1, in: .paused)
            // More than the sockets' buffers hold.
            let next = try await server.journal.events(app: "blog", number: 1).count + 1
            for line in 0..<3000 {
                let text = String(repeating: "\(line) ", count: 400)
                try await server.journal.append(
                    RecordedEvent(sequence: next + line, at: SystemClock().now, event: .said(.init(text))), app: "blog",
                    number: 1)
            }
            let connection = try RawConnection(port: server.port, receiveBuffer: 4096)
            connection.send(
                "GET /api/v1/apps/blog/releases/1/events HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n"
                    + "Authorization: Bearer \(server.admin)\r\n\r\n")
            let isOpen = try await eventually {
                server.services.metrics.text.contains("viridian_event_streams 1\n") ? true : nil
            }
            #expect(isOpen == true)
            let isGone = try await eventually {
                server.services.metrics.text.contains("viridian_event_streams 0\n") ? true : nil
            }
            #expect(isGone == true)
        }
    }

    @Test("with thousands of idle connections a request is answered")
    func many() async throws {
        try await withServer { server in
            var limit = rlimit()
            getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
            // Both ends of each are in this process.
            let count = min(2000, (Int(clamping: limit.rlim_cur) - 400) / 2)
            let connections = try await RawConnection.open(max(count, 100), port: server.port)
            #expect(try await server.get("/api/v1/apps").status == 200)
            let areOpen = connections.allSatisfy(\.isOpen)
            #expect(areOpen, "it was not their end that let it be answered")
        }
    }
}
