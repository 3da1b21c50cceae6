import Controller
import Foundation
import Journal
import ReleaseMachine
import Testing

@testable import Server

#if canImport(Glibc)
    import Glibc
#endif

/// A bare connection, which does what no client would.
private final class Wire: Sendable {
    let descriptor: Int32

    init(port: Int, receiveBuffer: Int32? = nil) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        if var size = receiveBuffer {
            setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout<Int32>.size))
        }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        try #require(result == 0)
    }

    deinit { close(descriptor) }

    func send(_ text: String) {
        _ = Array(text.utf8).withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
    }

    /// Everything until the other side ends; `nil` when it does not within the time.
    func readToEnd(within seconds: Int) async throws -> String? {
        var bytes: [UInt8] = []
        let deadline = ContinuousClock.now + .seconds(seconds)
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while ContinuousClock.now < deadline {
            let count = recv(descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT))
            if count == 0 { return String(decoding: bytes, as: UTF8.self) }
            if count > 0 {
                bytes += buffer.prefix(count)
            } else if errno == EAGAIN || errno == EINTR {
                try await Task.sleep(for: .milliseconds(10))
            } else {
                return String(decoding: bytes, as: UTF8.self)
            }
        }
        return nil
    }
}

@Suite("Slow and half-open clients")
struct SlowClientTests {
    @Test("a head or a body that drips in is cut off, and others are served meanwhile")
    func slow() async throws {
        try await withServer(settings: { $0.idleTimeout = .milliseconds(500) }) { server in
            let head = try Wire(port: server.port)
            head.send("GET /api/v1/apps HTTP/1.1\r\nHost: x\r\n")
            let silent = try Wire(port: server.port)
            let body = try Wire(port: server.port)
            body.send(
                "POST /api/v1/apps/blog/releases HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                    + "Authorization: Bearer \(server.admin)\r\nContent-Length: 1000\r\n\r\n{\"vers")
            let half = try Wire(port: server.port)
            half.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            shutdown(half.descriptor, Int32(SHUT_WR))
            #expect(try await server.get("/healthz").status == 200)
            #expect(try await half.readToEnd(within: 10)?.hasPrefix("HTTP/1.1 200") == true)
            for wire in [head, silent, body] { #expect(try await wire.readToEnd(within: 10) != nil) }
            #expect(try server.journal.numbers(app: "blog", limit: 1) == [])
        }
    }

    @Test("a body that comes with a GET is not waited for: the answer is the connection's last")
    func bodyOfGet() async throws {
        try await withServer { server in
            for head in ["Content-Length: 100", "Transfer-Encoding: chunked"] {
                let wire = try Wire(port: server.port)
                wire.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\(head)\r\n\r\n1")
                let answer = try #require(try await wire.readToEnd(within: 10), "\(head): it is still open")
                #expect(answer.hasPrefix("HTTP/1.1 200"), "\(answer)")
                #expect(answer.lowercased().contains("connection: close"), "\(answer)")
            }
            #expect(try await server.get("/healthz", headers: ["Content-Length": "0"]).status == 200)
        }
    }

    @Test(
        "neither a body that does not come, nor a reader that takes nothing, nor a cluster that is silent holds the server's end up"
    )
    func end() async throws {
        let (wires, ending) = try await withServer { server in
            _ = try await server.deploy(more: #", "verify": true"#)
            _ = try await server.release(1, in: .paused)
            let next = try server.journal.events(app: "blog", number: 1).count + 1
            for line in 0..<60 {
                let text = String(repeating: "\(line) ", count: 20_000)
                try server.journal.append(
                    .init(sequence: next + line, at: SystemClock().now, event: .said(.init(text))), app: "blog",
                    number: 1)
            }
            let bearer = "Host: x\r\nAuthorization: Bearer \(server.admin)\r\n"
            let stalled = try Wire(port: server.port, receiveBuffer: 4096)
            stalled.send(
                "GET /api/v1/apps/blog/releases/1/events HTTP/1.1\r\nAccept: text/event-stream\r\n\(bearer)\r\n")
            let body = try Wire(port: server.port)
            body.send("POST /api/v1/apps/blog/rollback HTTP/1.1\r\n\(bearer)Content-Length: 100\r\n\r\n{")
            await server.world.fallSilent()
            let look = Task { await server.services.lookout.look(at: "blog") }
            let isOpen = try await eventually {
                server.services.metrics.text.contains("viridian_event_streams 1\n") ? true : nil
            }
            #expect(isOpen == true)
            _ = look
            return ([stalled, body], ContinuousClock.now)
        }
        let took = ContinuousClock.now - ending
        // A service group gives up after 30 seconds, and cuts everything off.
        #expect(took < .seconds(15), "\(took)")
        withExtendedLifetime(wires) {}
    }

    @Test("a body that is too large is refused before it is sent")
    func large() async throws {
        try await withServer { server in
            let wire = try Wire(port: server.port)
            wire.send(
                "POST /api/v1/apps/blog/releases HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                    + "Authorization: Bearer \(server.admin)\r\nContent-Length: 1000000000\r\n\r\n")
            let answer = try await wire.readToEnd(within: 10)
            #expect(
                answer?.hasPrefix("HTTP/1.1 413") == true && answer?.contains("too_large") == true,
                "\(answer ?? "nothing")")
            let chunked = try Wire(port: server.port)
            chunked.send(
                "POST /api/v1/apps/blog/releases HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                    + "Authorization: Bearer \(server.admin)\r\nTransfer-Encoding: chunked\r\n\r\n")
            for _ in 0..<20 { chunked.send("2000\r\n" + String(repeating: "x", count: 8192) + "\r\n") }
            let second = try await chunked.readToEnd(within: 10)
            #expect(second?.hasPrefix("HTTP/1.1 413") == true, "\(second?.prefix(200) ?? "nothing")")
        }
    }

    @Test("what is no HTTP gets no answer that it could do anything with")
    func noHTTP() async throws {
        try await withServer { server in
            for text in [
                "\u{16}\u{3}\u{1}\u{2}\0\0", "GET /\r\n\r\n", "GET / HTTP/9.9\r\n\r\n",
                "GET / HTTP/1.1\r\nHost: x\r\nA: " + String(repeating: "a", count: 40_000) + "\r\n\r\n",
                "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
                "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
            ] {
                let wire = try Wire(port: server.port)
                wire.send(text)
                let answer = try #require(try await wire.readToEnd(within: 10), "\(text.prefix(30))")
                #expect(answer.isEmpty || answer.hasPrefix("HTTP/1.1 400"), "\(text.prefix(30)): \(answer.prefix(100))")
            }
            #expect(try await server.get("/healthz").status == 200)
        }
    }

    @Test("a viewer that takes nothing is cut off, and costs nobody anything")
    func stalled() async throws {
        try await withServer(settings: { $0.stallTimeout = .milliseconds(500) }) { server in
            _ = try await server.deploy(more: #", "verify": true"#)
            _ = try await server.release(1, in: .paused)
            // More than any socket's buffers hold.
            let next = try server.journal.events(app: "blog", number: 1).count + 1
            for line in 0..<3000 {
                let text = String(repeating: "\(line) ", count: 400)
                try server.journal.append(
                    .init(sequence: next + line, at: SystemClock().now, event: .said(.init(text))), app: "blog",
                    number: 1)
            }
            let wire = try Wire(port: server.port, receiveBuffer: 4096)
            wire.send(
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

    @Test("thousands of connections that ask nothing leave room for one that does")
    func many() async throws {
        try await withServer { server in
            var limit = rlimit()
            getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
            // Both ends of each are in this process.
            let count = min(2000, (Int(clamping: limit.rlim_cur) - 400) / 2)
            var wires: [Wire] = []
            for _ in 0..<max(count, 100) { wires.append(try Wire(port: server.port)) }
            let started = ContinuousClock.now
            #expect(try await server.get("/api/v1/apps").status == 200)
            #expect(ContinuousClock.now - started < .seconds(5))
            withExtendedLifetime(wires) {}
        }
    }
}
