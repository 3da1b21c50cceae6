import Foundation
import HTTPTransport
import TestSupport
import Testing

@Suite("Addresses: whose they are, and connecting to one instead of what a name resolves to")
struct AddressTests {
    @Test(
        "an address is anybody's, of this machine, of a private network, of the link, or nobody's",
        arguments: [
            ("8.8.8.8", .public), ("1.1.1.1", .public), ("100.63.255.255", .public), ("100.128.0.0", .public),
            ("172.15.255.255", .public), ("172.32.0.0", .public), ("192.167.1.1", .public),
            ("223.255.255.255", .public),
            ("2606:4700:4700::1111", .public), ("2a00:1450:4001::1", .public),
            ("127.0.0.1", .loopback), ("127.255.255.254", .loopback), ("::1", .loopback),
            ("::ffff:127.0.0.1", .loopback), ("64:ff9b::7f00:1", .loopback), ("::127.0.0.1", .loopback),
            ("2002:7f00:1::", .loopback),
            ("10.0.0.1", .private), ("172.16.0.1", .private), ("172.31.255.255", .private), ("192.168.1.1", .private),
            ("100.64.0.1", .private), ("100.127.255.255", .private), ("198.18.0.1", .private), ("192.0.0.8", .private),
            ("fd12:3456::1", .private), ("fc00::1", .private), ("fec0::1", .private), ("::ffff:10.0.0.1", .private),
            ("64:ff9b::a00:1", .private), ("64:ff9b:1::808:808", .private), ("2002:a00:1::1", .private),
            ("2001:0:4136:e378:8000:63bf:3fff:fdd2", .private),
            ("169.254.169.254", .linkLocal), ("169.254.0.1", .linkLocal), ("fe80::1", .linkLocal),
            ("febf::1", .linkLocal), ("fd00:ec2::254", .linkLocal), ("::ffff:169.254.169.254", .linkLocal),
            ("64:ff9b::a9fe:a9fe", .linkLocal), ("2002:a9fe:a9fe::1", .linkLocal),
            ("0.0.0.0", .none), ("0.1.2.3", .none), ("224.0.0.1", .none), ("239.1.1.1", .none), ("240.0.0.1", .none),
            ("255.255.255.255", .none), ("::", .none), ("ff02::1", .none), ("::ffff:0.0.0.0", .none),
            ("64:ff9b::808:808", .public), ("2002:808:808::1", .public), ("::ffff:8.8.8.8", .public),
        ] as [(String, IPAddress.Reach)])
    func reach(text: String, reach: IPAddress.Reach) throws {
        #expect(try #require(IPAddress(text)).reach == reach)
    }

    @Test("an address is written as it is read; what is no plain address is none")
    func text() {
        for text in ["10.0.0.1", "::1", "2001:db8::1", "fe80::1"] { #expect(IPAddress(text)?.description == text) }
        #expect(IPAddress("::ffff:10.0.0.1")?.description == "10.0.0.1")
        for text in ["", "localhost", "127.1", "0x7f.0.0.1", "2130706433", "127.0.0.1 ", "[::1]", "1.2.3.4.5"] {
            #expect(IPAddress(text) == nil, "\(text)")
        }
    }

    @Test("names resolve to their addresses, by what the machine's resolver makes of them")
    func resolving() async throws {
        let local = try await HostAddresses.resolve("localhost", within: .seconds(60))
        #expect(!local.isEmpty && local.allSatisfy(\.isLoopback))
        // The resolver reads these as addresses, so they are checked as addresses.
        for text in ["127.1", "2130706433", "0x7f.0.0.1"] {
            let addresses = try await HostAddresses.resolve(text, within: .seconds(60))
            #expect(addresses.map(\.description) == ["127.0.0.1"], "\(text)")
        }
        let error = await #expect(throws: TransportError.self) {
            try await HostAddresses.resolve("no-such-host.invalid", within: .seconds(60))
        }
        #expect(error?.kind == .unresolvable)
    }

    @Test("a connection goes to the address that it is given, with the URL's name in the Host header")
    func connecting() async throws {
        try await withServer({ _, _ in .text("here") }) { server in
            let connection = try HTTPConnection(
                baseURL: "http://hooks.invalid:\(server.port)", address: IPAddress("127.0.0.1"))
            let answer = try await connection.send(.init("GET", "/x"))
            #expect(String(decoding: answer.body, as: UTF8.self) == "here")
            #expect(await server.requests.all.map(\.authority) == ["hooks.invalid:\(server.port)"])
            await connection.shutdown()
        }
    }

    @Test(
        "the certificate has to be for the URL's name, not for the address",
        .enabled(if: openssl != nil, "openssl is not installed"))
    func certificate() async throws {
        func call(_ authority: Authority, _ url: String) async throws -> Int {
            let connection = try HTTPConnection(
                baseURL: url, tls: TLSIdentity(trust: try authority.trust),
                address: IPAddress("127.0.0.1"))
            do {
                let status = try await connection.send(.init("GET", "/")).status
                await connection.shutdown()
                return status
            } catch {
                await connection.shutdown()
                throw error
            }
        }
        try await withTLSServer(certificate: "named") { authority, url in
            let status = try await call(authority, url.replacing("127.0.0.1", with: "kubernetes"))
            #expect(status == 200)
        }
        try await withTLSServer { authority, url in
            let error = await #expect(throws: TransportError.self) {
                try await call(authority, url.replacing("127.0.0.1", with: "kubernetes"))
            }
            #expect(error?.description.contains("its certificate is for another name") == true)
        }
    }

    @Test("of a large body the beginning is enough where that was asked for")
    func cutting() async throws {
        let part = [UInt8](repeating: UInt8(ascii: "x"), count: 1 << 20)
        let reply = Reply(steps: Array(repeating: .writeBytes(part), count: 10) + [.hang])
        try await withServer({ _, _ in reply }) { server in
            let connection = try HTTPConnection(baseURL: server.url)
            let answer = try await connection.send(.init("GET", "/", largestBody: 1000, cutsBody: true))
            #expect(answer.status == 200 && answer.body == Data(part.prefix(1000)))
            await connection.shutdown()
        }
    }
}
