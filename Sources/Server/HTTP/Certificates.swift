import Controller
import Foundation
import Logging
import NIOConcurrencyHelpers
import NIOSSL
import ViridianConfiguration

/// The server's certificate and key, reloaded when their files change: a renewal needs no restart.
final class Certificates: Sendable {
    private let files: TLSFiles
    private let logger: Logger
    private let current: NIOLockedValueBox<NIOSSLContext>
    private let read: NIOLockedValueBox<[Data]>

    /// The interval of checks whether the files changed.
    private static let interval: Duration = .seconds(5)

    init(_ files: TLSFiles, logger: Logger) throws {
        self.files = files
        self.logger = logger
        let bytes = try Certificates.bytes(files)
        current = NIOLockedValueBox(try Certificates.tlsContext(files, bytes))
        read = NIOLockedValueBox(bytes)
    }

    var context: NIOSSLContext { current.withLockedValue { $0 } }

    func watch() async {
        while !Task.isCancelled {
            try? await Task.sleep(for: Certificates.interval)
            reload()
        }
    }

    /// Keeps the old certificate while the new files are incomplete or do not match; the next check reads them again.
    func reload() {
        guard let bytes = try? Certificates.bytes(files), bytes != read.withLockedValue({ $0 }) else { return }
        do {
            let context = try Certificates.tlsContext(files, bytes)
            current.withLockedValue { $0 = context }
            read.withLockedValue { $0 = bytes }
            logger.notice("the certificate was reloaded", metadata: ["certificate": "\(files.certificate)"])
        } catch {
            logger.warning("the new certificate cannot be used", metadata: ["error": "\(error)"])
        }
    }

    private static func bytes(_ files: TLSFiles) throws -> [Data] {
        try [files.certificate, files.key].map { path in
            do {
                return try Data(contentsOf: URL(fileURLWithPath: path))
            } catch {
                throw CertificateError(
                    description: "\(path) cannot be read: it is named in server.tls of viridian.yaml")
            }
        }
    }

    private static func tlsContext(_ files: TLSFiles, _ bytes: [Data]) throws -> NIOSSLContext {
        do {
            let chain = try NIOSSLCertificate.fromPEMBytes(Array(bytes[0]))
            let key = try NIOSSLPrivateKey(bytes: Array(bytes[1]), format: .pem)
            var configuration = TLSConfiguration.makeServerConfiguration(
                certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key))
            configuration.minimumTLSVersion = .tlsv12
            configuration.applicationProtocols = ["http/1.1"]
            return try NIOSSLContext(configuration: configuration)
        } catch {
            throw CertificateError(
                description: "\(files.certificate) and \(files.key) are not a certificate and its key: \(error)")
        }
    }
}

struct CertificateError: Error, CustomStringConvertible {
    var description: String
}
