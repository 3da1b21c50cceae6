import Controller
import Foundation
import Hummingbird
import HummingbirdCore
import Logging
import NIOConcurrencyHelpers
import NIOCore
import NIOSSL
import ViridianConfiguration

/// The server's certificate and key, read again when their files change: a renewal needs no restart.
final class Certificates: Sendable {
    private let files: TLSFiles
    private let logger: Logger
    private let current: NIOLockedValueBox<NIOSSLContext>
    private let read: NIOLockedValueBox<[Data]>

    /// How often the files are compared with what was read of them.
    private static let interval: Duration = .seconds(5)

    init(_ files: TLSFiles, logger: Logger) throws {
        self.files = files
        self.logger = logger
        let bytes = try Certificates.bytes(files)
        current = NIOLockedValueBox(try Certificates.made(files, bytes))
        read = NIOLockedValueBox(bytes)
    }

    var context: NIOSSLContext { current.withLockedValue { $0 } }

    func watch() async {
        while !Task.isCancelled {
            try? await Task.sleep(for: Certificates.interval)
            reload()
        }
    }

    /// Files that are half written, or do not fit each other yet, change nothing: the next look finds them whole.
    func reload() {
        guard let bytes = try? Certificates.bytes(files), bytes != read.withLockedValue({ $0 }) else { return }
        do {
            let context = try Certificates.made(files, bytes)
            current.withLockedValue { $0 = context }
            read.withLockedValue { $0 = bytes }
            logger.notice("the certificate was read again", metadata: ["certificate": "\(files.certificate)"])
        } catch {
            logger.warning("the new certificate is not used", metadata: ["error": "\(error)"])
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

    private static func made(_ files: TLSFiles, _ bytes: [Data]) throws -> NIOSSLContext {
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

/// A connection over TLS, with the certificate of the moment in which it begins.
struct SecureChannel: ServerChildChannel {
    typealias Value = HTTP1Channel.Value

    private let base: HTTP1Channel
    private let certificates: Certificates

    init(_ base: HTTP1Channel, _ certificates: Certificates) {
        self.base = base
        self.certificates = certificates
    }

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: certificates.context))
        }.flatMap { base.setup(channel: channel, logger: logger) }
    }

    func handle(value: Value, logger: Logger) async {
        await base.handle(value: value, logger: logger)
    }
}
