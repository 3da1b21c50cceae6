import Foundation
import HTTPTransport
import TestSupport
import Testing

let openssl = (ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin").split(separator: ":")
    .map { "\($0)/openssl" }.first { FileManager.default.isExecutableFile(atPath: $0) }

/// A certificate authority and its certificates, created by `openssl` in a temporary folder.
struct Authority {
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

    /// A certificate and its key, signed by the authority or by one that it signed.
    func sign(_ name: String, by issuer: String = "ca", extensions: String) throws {
        try extensions.write(toFile: "\(folder)/\(name).ext", atomically: true, encoding: .utf8)
        try run([
            "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", "\(name).key",
            "-out", "\(name).csr", "-subj", "/CN=test \(name)",
        ])
        try run([
            "x509", "-req", "-in", "\(name).csr", "-CA", "\(issuer).crt", "-CAkey", "\(issuer).key", "-CAcreateserial",
            "-days", "2",
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
func withTLSServer(
    certificate: String = "server", _ arguments: [String] = [], making more: (Authority) throws -> Void = { _ in },
    _ test: (Authority, String) async throws -> Void
) async throws {
    let authority = try Authority()
    defer { authority.remove() }
    try more(authority)
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
    // It prints its address: "ACCEPT 127.0.0.1:40123".
    var said = ""
    while !said.contains(/ACCEPT .*:\d+\n/) {
        let data = output.fileHandleForReading.availableData
        guard !data.isEmpty else { throw OpenSSLFailed(arguments: arguments) }
        said += String(decoding: data, as: UTF8.self)
    }
    let port = try #require(said.firstMatch(of: /ACCEPT .*:(\d+)\n/)?.1)
    try await test(authority, "https://127.0.0.1:\(port)")
}

func page(_ url: String, _ tls: TLSIdentity, proxy: ProxyServer? = nil) async throws -> String {
    let connection = try HTTPConnection(baseURL: url, tls: tls, proxy: proxy)
    do {
        let answer = try await connection.send(.init("GET", "/", deadline: .seconds(600)))
        await connection.shutdown()
        return String(decoding: answer.body, as: UTF8.self)
    } catch {
        await connection.shutdown()
        throw error
    }
}
