import Foundation
import HTTPTransport
import Processes
import Synchronization
import Testing
import ViridianConfiguration

@testable import Integrations

/// Runs a test with a client that is shut down afterwards.
func withRegistryClient<Value>(
    _ host: String, user: String? = nil, password: String? = nil, ca: String? = nil, deadline: Duration = .seconds(600),
    environment: [String: String] = [:], clock: MovableClock = MovableClock(),
    _ test: (RegistryClient) async throws -> Value
) async throws -> Value {
    let client = RegistryClient(
        RegistryConfiguration(host: host, username: user, password: password.map { Secret($0) }, ca: ca),
        deadline: deadline, environment: environment, now: { clock.now })
    do {
        let value = try await test(client)
        await client.shutdown()
        return value
    } catch {
        await client.shutdown()
        throw error
    }
}

/// The error of a question, which must not show a password.
func registryError(
    sourceLocation: SourceLocation = #_sourceLocation, _ question: () async throws -> some Sendable
) async throws -> RegistryError {
    let error = await #expect(throws: RegistryError.self, sourceLocation: sourceLocation) { _ = try await question() }
    let found = try #require(error, sourceLocation: sourceLocation)
    for secret in [password, Data("ci:\(password)".utf8).base64EncodedString(), "granted-token"] {
        #expect(!String(reflecting: found).contains(secret), sourceLocation: sourceLocation)
    }
    #expect(found.description.contains(found.host) && !found.description.hasSuffix("."), sourceLocation: sourceLocation)
    return found
}

let password = "open sesame"
let basicAuthorization = "Basic " + Data("ci:\(password)".utf8).base64EncodedString()

/// A clock that moves on when a test says so.
final class MovableClock: Sendable {
    private let passed = Mutex(Duration.zero)
    private let start = ContinuousClock.now

    var now: ContinuousClock.Instant { start + passed.withLock { $0 } }

    func pass(_ time: Duration) { passed.withLock { $0 += time } }
}

/// A self-signed certificate for 127.0.0.1 and its key, made by openssl.
struct LoopbackCertificate {
    let directory: String
    var certificate: String { directory + "/certificate.pem" }
    var key: String { directory + "/key.pem" }

    init() async throws {
        directory = FileManager.default.temporaryDirectory.path + "/viridian-certificate-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        let made = try await Command(
            "openssl",
            [
                "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                "-subj", "/CN=registry for tests", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key,
                "-out", certificate,
            ]
        ).run(deadline: .seconds(600))
        try #require(made.succeeded, "\(made.error)")
    }

    func remove() { try? FileManager.default.removeItem(atPath: directory) }
}

/// Runs a test against `openssl s_server` on a free loopback port, which redirects one path.
func withRedirectingServer(
    _ files: LoopbackCertificate, from path: String, to location: String, _ test: (_ host: String) async throws -> Void
) async throws {
    // With -HTTP it sends files as they are: whole responses.
    let file = URL(filePath: files.directory + path)
    try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data("HTTP/1.1 302 Found\r\nLocation: \(location)\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".utf8)
        .write(to: file)
    let (lines, line) = AsyncStream.makeStream(of: String.self)
    let server = Command(
        "openssl",
        ["s_server", "-accept", "127.0.0.1:0", "-HTTP", "-cert", files.certificate, "-key", files.key],
        workingDirectory: files.directory)
    let running = Task {
        defer { line.finish() }
        return try await server.run(grace: .milliseconds(1), onLine: { line.yield($0.text) })
    }
    defer { running.cancel() }
    for await text in lines {
        guard let address = text.firstMatch(of: /ACCEPT (127[\d.]+:\d+)/) else { continue }
        try await test(String(address.1))
        break
    }
    running.cancel()
    _ = await running.result
}
