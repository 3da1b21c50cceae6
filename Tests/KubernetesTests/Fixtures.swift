import Foundation
import HTTPTransport
import Kubernetes
import TestSupport
import Testing

/// A temporary folder for a test.
func withFolder<Result>(_ test: (Folder) async throws -> Result) async throws -> Result {
    let path = NSTemporaryDirectory() + "viridian-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: path) }
    return try await test(Folder(path: path))
}

struct Folder: Sendable {
    var path: String

    @discardableResult
    func write(_ name: String, _ text: String, mode: Int = 0o600) throws -> String {
        let file = path + "/" + name
        try FileManager.default.createDirectory(
            atPath: (file as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
        try text.write(toFile: file, atomically: true, encoding: .utf8)
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: file)
        return file
    }

    func read(_ name: String) throws -> String { try String(contentsOfFile: path + "/" + name, encoding: .utf8) }
}

/// Runs a test with a client of a scripted API server. For the client no time passes, unless `now` says so.
func withClient<Result: Sendable>(
    credential: Credential = .none,
    pauses: Pauses = Pauses(),
    now: (@Sendable () -> ContinuousClock.Instant)? = nil,
    _ script: @escaping @Sendable (Received, Int) async throws -> Reply,
    _ test: (KubernetesClient, ScriptedServer) async throws -> Result
) async throws -> Result {
    try await withServer(script) { server in
        let access = ClusterAccess(
            server: server.url, credential: credential, namespace: "blog", origin: "kubeconfig k, context c")
        let start = ContinuousClock.now
        var client = KubernetesClient(access, pause: pauses.pause, now: now ?? { start })
        // Only against hanging: tests run beside many others.
        client.deadline = .seconds(600)
        do {
            let result = try await test(client, server)
            await client.shutdown()
            return result
        } catch {
            await client.shutdown()
            throw error
        }
    }
}

/// The error of the API that an operation ends with.
func kubernetesError(_ operation: () async throws -> Void) async throws -> KubernetesError {
    do {
        try await operation()
    } catch let error as KubernetesError {
        return error
    }
    throw NoError()
}

struct NoError: Error {}

extension Reply {
    static func json(_ value: JSON, status: Int = 200, headers: [String: String] = [:]) -> Reply {
        .text(value.text, status: status, headers: headers)
    }

    /// The `Status` object of an error.
    static func status(_ code: Int, _ reason: String, _ message: String) -> Reply {
        .json(
            [
                "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": .integer(Int64(code)),
                "reason": .string(reason), "message": .string(message),
            ], status: code)
    }
}

/// A self-signed certificate and its key, for tests only.
enum Certificates {
    static let certificate = """
        -----BEGIN CERTIFICATE-----
        MIIBhzCCAS2gAwIBAgIUfnqnbVp5gyrMjFZioRtcnGOpdqIwCgYIKoZIzj0EAwIw
        GDEWMBQGA1UEAwwNdmlyaWRpYW4tdGVzdDAgFw0yNjExMjIyMDQwMjZaGA8yMTI2
        MTAyOTIwNDAyNlowGDEWMBQGA1UEAwwNdmlyaWRpYW4tdGVzdDBZMBMGByqGSM49
        AgEGCCqGSM49AwEHA0IABF7NtGSNd5Ew+zKQ/P664APKSgJzyrRd01pmeP04jYWb
        u2e6UIbKkapyXS8MnBARXFJrFGvaEd1nChPYZuvJMmijUzBRMB0GA1UdDgQWBBTF
        GSqXQupv9W2btkX/5w+dwA3a8jAfBgNVHSMEGDAWgBTFGSqXQupv9W2btkX/5w+d
        wA3a8jAPBgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA0gAMEUCIQCoSj9WeNGO
        Xhy+jk1mgRPSJ8dJldaiteL3DciQzlyaOwIgIOSRLlRuazbVTV2/RygwJOxp/HzT
        mD8Dhc5W7EWQoYE=
        -----END CERTIFICATE-----

        """
    static let key = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgmMU14FB2sOHWz4qx
        q6G1hjYklntWhoK8UllXFTPtCVehRANCAARezbRkjXeRMPsykPz+uuADykoCc8q0
        XdNaZnj9OI2Fm7tnulCGypGqcl0vDJwQEVxSaxRr2hHdZwoT2GbryTJo
        -----END PRIVATE KEY-----

        """
    static var encodedCertificate: String { Data(certificate.utf8).base64EncodedString() }
    static var encodedKey: String { Data(key.utf8).base64EncodedString() }
}
