import Foundation
import HTTPTransport
import TestSupport
import Testing

@Suite("TLS", .enabled(if: openssl != nil, "openssl is not installed"))
struct TLSTests {
    @Test("a server is trusted only through its authority")
    func authority() async throws {
        try await withTLSServer { authority, url in
            let trusted = try await page(url, TLSIdentity(trust: authority.trust))
            #expect(trusted.contains("s_server"))
            let unknown = try await transportError { _ = try await page(url, .system) }
            #expect(
                unknown.description
                    == "TLS with \(url.dropFirst(8)) failed: its certificate is not signed by a trusted authority")
            let unverified = try await page(url, TLSIdentity(trust: .unverified))
            #expect(unverified.contains("s_server"))
        }
    }

    @Test("a certificate for another name is refused, unless that name is requested")
    func name() async throws {
        try await withTLSServer(certificate: "named") { authority, url in
            let trust = try authority.trust
            let named = try await page(url, TLSIdentity(trust: trust, serverName: "kubernetes"))
            #expect(named.contains("s_server"))
            for name in [nil, "elsewhere"] {
                let error = try await transportError {
                    _ = try await page(url, TLSIdentity(trust: trust, serverName: name))
                }
                #expect(
                    error.description == "TLS with \(url.dropFirst(8)) failed: its certificate is for another name")
            }
        }
    }

    @Test("a certificate for the address is not valid for the requested name")
    func strictName() async throws {
        try await withTLSServer { authority, url in
            let trust = try authority.trust
            let error = try await transportError {
                _ = try await page(url, TLSIdentity(trust: trust, serverName: "kubernetes"))
            }
            #expect(error.description == "TLS with \(url.dropFirst(8)) failed: its certificate is for another name")
        }
    }

    @Test("an intermediate alone is an anchor as for kubectl, only for certificates that it signed")
    func intermediate() async throws {
        func make(_ authority: Authority) throws {
            let issuer = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign"
            try authority.sign("middle", extensions: issuer)
            try authority.sign("lower", by: "middle", extensions: issuer)
            try authority.sign("leaf", by: "middle", extensions: "subjectAltName=IP:127.0.0.1")
            try authority.sign("deep", by: "lower", extensions: "subjectAltName=IP:127.0.0.1")
            try authority.sign("elsewhere", by: "middle", extensions: "subjectAltName=DNS:elsewhere")
            try authority.sign("stranger", extensions: issuer)
        }
        // With and without the issuer in the server's chain, with the issuer as anchor or below it.
        let courses: [(String, [String])] = [
            ("leaf", []), ("leaf", ["-cert_chain", "middle.crt"]), ("deep", ["-cert_chain", "lower.crt"]),
        ]
        for (certificate, arguments) in courses {
            try await withTLSServer(certificate: certificate, arguments, making: make) { authority, url in
                let answer = try await page(url, TLSIdentity(trust: .authorities(authority.read("middle.crt"))))
                #expect(answer.contains("s_server"))
                let both = try authority.read("stranger.crt") + authority.read("middle.crt")
                #expect(try await page(url, TLSIdentity(trust: .authorities(both))).contains("s_server"))
                let error = try await transportError {
                    _ = try await page(url, TLSIdentity(trust: .authorities(authority.read("stranger.crt"))))
                }
                #expect(error.description.hasSuffix("its certificate is not signed by a trusted authority"))
            }
        }
        try await withTLSServer(certificate: "elsewhere", making: make) { authority, url in
            let error = try await transportError {
                _ = try await page(url, TLSIdentity(trust: .authorities(authority.read("middle.crt"))))
            }
            #expect(error.description.hasSuffix("its certificate is for another name"))
        }
        // A leaf certificate is not an authority.
        try await withTLSServer(certificate: "leaf", making: make) { authority, url in
            let error = try await transportError {
                _ = try await page(url, TLSIdentity(trust: .authorities(authority.read("server.crt"))))
            }
            #expect(error.description.hasSuffix("its certificate is not signed by a trusted authority"))
        }
    }

    @Test("a server that requires a client certificate gets it, and its refusal without one is reported")
    func clientCertificate() async throws {
        try await withTLSServer(["-Verify", "1", "-verify_return_error", "-CAfile", "ca.crt"]) { authority, url in
            let trust = try authority.trust
            let known = try await page(url, TLSIdentity(trust: trust, clientCertificate: authority.client))
            #expect(known.contains("test client"))
            let unknown = try await transportError { _ = try await page(url, TLSIdentity(trust: trust)) }
            #expect(unknown.description.hasPrefix("TLS with "))
            #expect(unknown.description.hasSuffix("failed: it requires a client certificate and received none"))
        }
    }

    @Test("a server without TLS is reported")
    func plainServer() async throws {
        try await withServer({ _, _ in .text("ok") }) { server in
            let error = try await transportError { _ = try await page("https://127.0.0.1:\(server.port)", .system) }
            #expect(error.description == "TLS with 127.0.0.1:\(server.port) failed: it does not speak TLS on this port")
        }
    }

    @Test("certificates and keys that do not match are errors before the first call")
    func validation() throws {
        let authority = try Authority()
        defer { authority.remove() }
        let garbage = Data("garbage".utf8)
        let chain = try authority.read("client.crt")
        func problem(_ tls: TLSIdentity) -> TLSIdentityError? {
            #expect(throws: TLSIdentityError.self) { try tls.validate() }
        }
        #expect(problem(TLSIdentity(trust: .authorities(garbage))) == .unreadableAuthorities)
        #expect(problem(TLSIdentity(trust: .authorities(Data()))) == .unreadableAuthorities)
        #expect(
            problem(TLSIdentity(clientCertificate: .init(chain: garbage, key: try authority.read("client.key"))))
                == .unreadableClientCertificate)
        #expect(problem(TLSIdentity(clientCertificate: .init(chain: chain, key: garbage))) == .unreadableClientKey)
        #expect(
            problem(TLSIdentity(clientCertificate: .init(chain: chain, key: try authority.read("server.key"))))
                == .clientKeyDoesNotMatch)
        try TLSIdentity(trust: authority.trust, clientCertificate: authority.client).validate()
    }
}
