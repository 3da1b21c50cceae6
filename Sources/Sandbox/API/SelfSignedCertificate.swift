import Crypto
import Foundation
import NIOSSL
import SwiftASN1
import X509

/// The certificate of a sandbox. It is created when the sandbox starts, and never stored.
///
/// The API needs TLS because kubectl sends a token only over TLS (`k8s.io/client-go/tools/clientcmd/client_config.go`).
struct SelfSignedCertificate: Sendable {
    /// The certificate, for kubeconfigs.
    let pem: String
    /// The server's TLS configuration.
    let tls: TLSConfiguration

    /// `host` is the address that the server listens on.
    init(host: String) throws {
        let key = P256.Signing.PrivateKey()
        let name = try DistinguishedName { CommonName("viridian sandbox") }
        let addresses = Set([host, "127.0.0.1"]).compactMap(Self.bytes(of:)).sorted { $0.lexicographicallyPrecedes($1) }
        let names =
            addresses.map { GeneralName.ipAddress(ASN1OctetString(contentBytes: $0[...])) } + [.dnsName("localhost")]
        let now = Date()
        let certificate = try Certificate(
            version: .v3, serialNumber: Certificate.SerialNumber(), publicKey: .init(key.publicKey),
            notValidBefore: now - Self.slack, notValidAfter: now + Self.life, issuer: name, subject: name,
            signatureAlgorithm: .ecdsaWithSHA256,
            extensions: try Certificate.Extensions {
                Critical(BasicConstraints.isCertificateAuthority(maxPathLength: nil))
                SubjectAlternativeNames(names)
            },
            issuerPrivateKey: .init(key))
        pem = try certificate.serializeAsPEM().pemString
        tls = .makeServerConfiguration(
            certificateChain: try NIOSSLCertificate.fromPEMBytes(Array(pem.utf8)).map { .certificate($0) },
            privateKey: .privateKey(try NIOSSLPrivateKey(bytes: Array(key.pemRepresentation.utf8), format: .pem)))
    }

    /// Tolerates a clock that is set back while the sandbox runs.
    private static let slack: TimeInterval = 3600
    private static let life: TimeInterval = 366 * 86_400

    private static func bytes(of address: String) -> [UInt8]? {
        let parts = address.split(separator: ".", omittingEmptySubsequences: false).map { UInt8($0) }
        return parts.count == 4 && !parts.contains(nil) ? parts.compactMap(\.self) : nil
    }
}
