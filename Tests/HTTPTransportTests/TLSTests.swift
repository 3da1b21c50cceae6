import Foundation
import HTTPTransport
import TestSupport
import Testing

private let openssl = (ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin").split(separator: ":")
    .map { "\($0)/openssl" }.first { FileManager.default.isExecutableFile(atPath: $0) }

/// An authority, and certificates that it signed, made by `openssl` in a folder of the test's own.
private struct Authority {
    let folder: String

    init() throws {
        folder = NSTemporaryDirectory() + "viridian-tls-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try run([
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
            "-keyout", "ca.key", "-out", "ca.crt", "-subj", "/CN=test authority",
        ])
        try sign("server", extensions: "subjectAltName=IP:127.0.0.1")
        try sign("named", extensions: "subjectAltName=DNS:kubernetes")
        try sign("client", extensions: "extendedKeyUsage=clientAuth")
    }

    func sign(_ name: String, extensions: String) throws {
        try extensions.write(toFile: "\(folder)/\(name).ext", atomically: true, encoding: .utf8)
        try run([
            "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", "\(name).key",
            "-out", "\(name).csr", "-subj", "/CN=test \(name)",
        ])
        try run([
            "x509", "-req", "-in", "\(name).csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
            "-extfile", "\(name).ext", "-out", "\(name).crt",
        ])
    }

    func read(_ name: String) throws -> Data { try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(name)")) }

    var trust: TLSIdentity.Trust { get throws { .authorities(try read("ca.crt")) } }

    var client: TLSIdentity.ClientCertificate {
        get throws { .init(chain: try read("client.crt"), key: try read("client.key")) }
    }

    func remove() { try? FileManager.default.removeItem(atPath: folder) }

    private func run(_ arguments: [String]) throws {
        let process = try start(arguments, output: FileHandle.nullDevice)
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw OpenSSLFailed(arguments: arguments) }
    }

    fileprivate func start(_ arguments: [String], output: Any) throws -> Process {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: openssl ?? "openssl")
        process.arguments = arguments
        process.currentDirectoryURL = URL(fileURLWithPath: folder)
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        return process
    }
}

private struct OpenSSLFailed: Error { var arguments: [String] }

/// Runs a test against `openssl s_server` on a free loopback port, whose page shows the client's certificate.
private func withTLSServer(
    certificate: String = "server", _ arguments: [String] = [], _ test: (Authority, String) async throws -> Void
) async throws {
    let authority = try Authority()
    defer { authority.remove() }
    let output = Pipe()
    let server = try authority.start(
        ["s_server", "-accept", "127.0.0.1:0", "-www", "-cert", "\(certificate).crt", "-key", "\(certificate).key"]
            + arguments,
        output: output)
    defer {
        // The child inherits the blocked signals of the thread that started it, SIGTERM among them.
        kill(server.processIdentifier, SIGKILL)
        server.waitUntilExit()
    }
    // It says where it listens: "ACCEPT 127.0.0.1:40123".
    var said = ""
    while !said.contains(/ACCEPT .*:\d+\n/) {
        let data = output.fileHandleForReading.availableData
        guard !data.isEmpty else { throw OpenSSLFailed(arguments: arguments) }
        said += String(decoding: data, as: UTF8.self)
    }
    let port = try #require(said.firstMatch(of: /ACCEPT .*:(\d+)\n/)?.1)
    try await test(authority, "https://127.0.0.1:\(port)")
}

private func page(_ url: String, _ tls: TLSIdentity) async throws -> String {
    let connection = try HTTPConnection(baseURL: url, tls: tls)
    do {
        let answer = try await connection.send(.init("GET", "/", deadline: .seconds(20)))
        await connection.shutdown()
        return String(decoding: answer.body, as: UTF8.self)
    } catch {
        await connection.shutdown()
        throw error
    }
}

@Suite("TLS", .enabled(if: openssl != nil, "openssl is not installed"))
struct TLSTests {
    @Test("a server is trusted by its authority, or not at all")
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

    @Test("a certificate for another name is refused, unless that name is the one asked for")
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

    @Test("a server that wants a client certificate gets it, and its refusal without one is said")
    func clientCertificate() async throws {
        try await withTLSServer(["-Verify", "1", "-verify_return_error", "-CAfile", "ca.crt"]) { authority, url in
            let trust = try authority.trust
            let known = try await page(url, TLSIdentity(trust: trust, clientCertificate: authority.client))
            #expect(known.contains("test client"))
            let unknown = try await transportError { _ = try await page(url, TLSIdentity(trust: trust)) }
            #expect(unknown.description.hasPrefix("TLS with "))
            #expect(unknown.description.hasSuffix("failed: it wants a client certificate and got none"))
        }
    }

    @Test("a server that speaks no TLS is said so")
    func plainServer() async throws {
        try await withServer({ _, _ in .text("ok") }) { server in
            let error = try await transportError { _ = try await page("https://127.0.0.1:\(server.port)", .system) }
            #expect(error.description == "TLS with 127.0.0.1:\(server.port) failed: it does not speak TLS on this port")
        }
    }

    @Test("certificates and keys that do not fit are errors before the first call")
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
