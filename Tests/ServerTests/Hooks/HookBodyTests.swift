import Foundation
import HTTPTransport
import Journal
import NIOCore
import Testing
import ViridianConfiguration

@testable import Server

@Suite("The bodies of deliveries")
struct HookBodyTests {
    private func withHooks(_ body: @escaping @Sendable (TestServer) async throws -> Void) async throws {
        var settings = HookSettings(
            hooks: HooksConfiguration(
                registry: Secret(RegistryEvents.secret), gitlab: GitLabHook(signingToken: Secret("whsec_c2VjcmV0"))))
        settings.lookup = NoRegistry()
        try await withServer(hooks: settings, body)
    }

    private func delivery(ofMegabytes count: Int) -> String {
        #"{"events": [], "x": ""# + String(repeating: "x", count: count << 20) + #""}"#
    }

    @Test("whoever sends much with a wrong secret, to a hook that is off or to none, is answered and not kept waiting")
    func refusedByHead() async throws {
        try await withHooks { server in
            let wrong = try await server.deliver(delivery(ofMegabytes: 3), authorization: "Bearer wrong")
            #expect(wrong.status == 401, "\(wrong.status)")
            for path in ["/hooks/quay?secret=", "/hooks/bitbucket"] {
                let off = try await server.post(path, delivery(ofMegabytes: 3), token: "")
                #expect(off.status == 404, "\(path): \(off.status)")
            }
            let known = "viridian_deliveries_total{result=\"unauthorized\",sender=\"registry\"} 1"
            #expect(server.services.metrics.text.contains(known))
            #expect(try await server.journal.deliveries(limit: 10).isEmpty)
        }
    }

    @Test("a body that is announced with more than 64 MiB is refused before it is sent")
    func announced() async throws {
        try await withHooks { server in
            let connection = try RawConnection(port: server.port)
            connection.send(
                "POST /hooks/registry HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer \(RegistryEvents.secret)\r\n"
                    + "Content-Length: 100000000\r\n\r\n")
            let answer = try await connection.readToEnd()
            #expect(answer?.hasPrefix("HTTP/1.1 413") == true, "\(answer ?? "nothing")")
        }
    }

    @Test("slow senders of large bodies keep nobody else's delivery from being read")
    func slow() async throws {
        try await withHooks { server in
            let part = String(repeating: "x", count: 100_000)
            var slow: [RawConnection] = []
            for number in 0..<30 {
                let connection = try RawConnection(port: server.port)
                let length =
                    number.isMultiple(of: 2)
                    ? "Content-Length: 20000000\r\n\r\n\(part)"
                    : "Transfer-Encoding: chunked\r\n\r\n186A0\r\n\(part)\r\n"
                connection.send("POST /hooks/gitlab HTTP/1.1\r\nHost: x\r\nwebhook-signature: v1,x\r\n\(length)")
                slow.append(connection)
            }
            let large = try await server.deliver(delivery(ofMegabytes: 2))
            #expect(large.status == 200, "\(large)")
            withExtendedLifetime(slow) {}
        }
    }

    @Test("a refused body is dropped, and read until it is too long for that as well")
    func dropped() throws {
        let part = ByteBuffer(repeating: 1, count: 100)
        var kept = BodyReading(limit: 250, mostDropped: 500, refusal: nil)
        for _ in 0..<2 { try kept.add(part) }
        #expect(kept.kept == 200)
        #expect(try kept.end().readableBytes == 200)
        for _ in 0..<3 { try kept.add(part) }
        #expect(kept.kept == 0)
        #expect(throws: APIError.self) { try kept.end() }
        var refused = APIError.unauthorized
        var early = BodyReading(limit: 250, mostDropped: 500, refusal: refused)
        for _ in 0..<5 { try early.add(part) }
        #expect(throws: refused) { try early.end() }
        refused.headers["Connection"] = "close"
        #expect(throws: refused) { try early.add(part) }
    }

    @Test("all large bodies together have a limit, and what is given back can be taken again")
    func memory() {
        let memory = BodyMemory()
        #expect(memory.take(200 << 20) && !memory.take(100 << 20) && memory.take(56 << 20) && !memory.take(1))
        memory.giveBack(1)
        #expect(memory.take(1) && !memory.take(1))
    }
}
