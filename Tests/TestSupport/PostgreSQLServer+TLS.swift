import Foundation
import Processes

/// A certificate authority for tests, made by `openssl` in a folder of its own.
package struct PostgreSQLAuthority: Sendable {
    /// The file of its own certificate.
    package let file: String
    private let directory: String

    package init(in directory: String) async throws {
        self.directory = directory
        file = directory + "/ca.crt"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        try await openssl(
            ["req", "-x509"] + Self.newKey + [
                "-days", "2", "-keyout", "ca.key", "-out", "ca.crt", "-subj", "/CN=authority",
            ]
        )
    }

    /// A certificate for a host, and its key.
    fileprivate func sign(_ host: String) async throws -> (certificate: String, key: String) {
        try "subjectAltName=DNS:\(host)".write(toFile: directory + "/names", atomically: true, encoding: .utf8)
        try await openssl(
            ["req"] + Self.newKey + ["-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=\(host)"])
        try await openssl([
            "x509", "-req", "-in", "server.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
            "-extfile", "names", "-out", "server.crt",
        ])
        return (directory + "/server.crt", directory + "/server.key")
    }

    private static let newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]

    private func openssl(_ arguments: [String]) async throws {
        let done = try await Command("openssl", arguments, workingDirectory: directory).run(deadline: .seconds(600))
        guard done.succeeded else { throw PostgreSQLServer.Failed(description: done.error) }
    }
}

extension PostgreSQLServer {
    /// Starts it again, so that it listens at a port of loopback too. With a host's name it speaks TLS, with a certificate of the authority for
    /// it; without, only in the clear.
    /// - Returns: the port. Its socket has that number too.
    package func listen(as host: String?, of authority: PostgreSQLAuthority) async throws -> Int {
        let port = try freePorts(1, at: "127.0.0.1")[0]
        var settings = ["listen_addresses=127.0.0.1", "port=\(port)"]
        if let host {
            let files = try await authority.sign(host)
            // It reads no key that others may read, and only one of its own user.
            for file in [files.certificate, files.key] {
                let place = directory + "/" + (file as NSString).lastPathComponent
                try? FileManager.default.removeItem(atPath: place)
                try FileManager.default.copyItem(atPath: file, toPath: place)
                try own(place)
            }
            settings += ["ssl=on", "ssl_cert_file=\(directory)/server.crt", "ssl_key_file=\(directory)/server.key"]
        }
        try await shutDown()
        try await start(settings)
        return port
    }
}
