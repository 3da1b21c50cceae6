import Foundation
import NIOCore
import NIOSSL

/// The name that a server certificate must have.
///
/// NIOSSL also accepts the socket's remote address, which is the proxy's when there is one.
struct CertificateName: Sendable {
    private let host: String

    /// A DNS name or an IP address.
    init(_ host: String) { self.host = host.lowercased() }

    /// Checks the certificate after the handshake, and closes the connection when the name does not match.
    func check(_ channel: any Channel, server: String) -> EventLoopFuture<Void> {
        channel.eventLoop.submit {
            guard let certificate = try channel.pipeline.syncOperations.nioSSL_peerCertificate(), matches(certificate)
            else { throw TransportError(.tls("its certificate is for another name"), server: server) }
        }.flatMapErrorThrowing { error in
            channel.close(promise: nil)
            throw error
        }
    }

    private func matches(_ certificate: NIOSSLCertificate) -> Bool {
        let address = IPAddress(host)
        return certificate._subjectAlternativeNames().contains { name in
            switch name.nameType {
            case .ipAddress: address != nil && IPAddress(Array(name.contents)) == address
            case .dnsName: address == nil && Self.matches(host, String(decoding: name.contents, as: UTF8.self))
            default: false
            }
        }
    }

    /// A `*` matches one whole first label, as in Go (RFC 6125, 6.4.3).
    static func matches(_ host: String, _ pattern: String) -> Bool {
        let wanted = host.hasSuffix(".") ? String(host.dropLast()) : host
        let pattern = pattern.lowercased()
        guard pattern.hasPrefix("*.") else { return wanted == pattern && !pattern.isEmpty }
        guard let dot = wanted.firstIndex(of: "."), dot != wanted.startIndex else { return false }
        return wanted[dot...] == pattern.dropFirst()
    }
}
