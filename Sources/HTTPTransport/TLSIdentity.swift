import Foundation
import NIOSSL

/// The certificates that a connection trusts, and the client certificate that it presents.
package struct TLSIdentity: Sendable, Hashable {
    package enum Trust: Sendable, Hashable {
        /// The certificate authorities of this machine.
        case system
        /// Only the certificates in this PEM text. Each is a trust anchor, self-signed or not, as in Go.
        case authorities(Data)
        /// No verification. Only for a kubeconfig with `insecure-skip-tls-verify`.
        case unverified
    }

    /// A client certificate chain and its private key, both PEM.
    package struct ClientCertificate: Sendable, Hashable {
        package var chain: Data
        package var key: Data

        package init(chain: Data, key: Data) {
            self.chain = chain
            self.key = key
        }
    }

    package var trust: Trust
    package var clientCertificate: ClientCertificate?
    /// The name that the server's certificate must have; nil: the host of the URL.
    package var serverName: String?

    package init(trust: Trust = .system, clientCertificate: ClientCertificate? = nil, serverName: String? = nil) {
        self.trust = trust
        self.clientCertificate = clientCertificate
        self.serverName = serverName
    }

    package static let system = TLSIdentity()

    /// Parses every certificate and key, so that an invalid one is reported before the first request.
    package func validate() throws(TLSIdentityError) {
        _ = try configuration()
    }
}

/// A key must not reach a log through string interpolation.
extension TLSIdentity.ClientCertificate: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    package var description: String { "client certificate" }
    package var debugDescription: String { description }
    package var customMirror: Mirror { Mirror(self, children: []) }
}

package enum TLSIdentityError: Error, Hashable, CustomStringConvertible {
    case unreadableAuthorities
    case unreadableClientCertificate
    case unreadableClientKey
    case clientKeyDoesNotMatch

    package var description: String {
        switch self {
        case .unreadableAuthorities: "the certificate authorities are not readable PEM certificates"
        case .unreadableClientCertificate: "the client certificate is not a readable PEM certificate"
        case .unreadableClientKey:
            "the client key is not a readable PEM private key (keys with a passphrase are not supported)"
        case .clientKeyDoesNotMatch: "the client key does not match the client certificate"
        }
    }
}

extension TLSIdentity {
    func configuration() throws(TLSIdentityError) -> TLSConfiguration {
        var configuration = TLSConfiguration.makeClientConfiguration()
        switch trust {
        case .system:
            break
        case .unverified:
            configuration.certificateVerification = .none
        case .authorities(let pem):
            // fromPEMBytes reads the whole bundle; init(bytes:format:) would stop after the first certificate.
            guard let authorities = try? NIOSSLCertificate.fromPEMBytes(Array(pem)), !authorities.isEmpty,
                let anchors = try? authorities.map(Self.anchor)
            else { throw .unreadableAuthorities }
            configuration.trustRoots = .certificates(anchors)
        }
        if let clientCertificate {
            guard let chain = try? NIOSSLCertificate.fromPEMBytes(Array(clientCertificate.chain)), !chain.isEmpty else {
                throw .unreadableClientCertificate
            }
            guard let key = try? NIOSSLPrivateKey(bytes: Array(clientCertificate.key), format: .pem) else {
                throw .unreadableClientKey
            }
            configuration.certificateChain = chain.map { .certificate($0) }
            configuration.privateKey = .privateKey(key)
            guard (try? NIOSSLContext(configuration: configuration)) != nil else { throw .clientKeyDoesNotMatch }
        }
        return configuration
    }

    /// The certificate, marked as trusted for servers. BoringSSL requires a chain to end at a self-signed certificate, unless one of
    /// its certificates has this mark: PEM's `TRUSTED CERTIFICATE`, X509_check_trust(3).
    private static func anchor(_ certificate: NIOSSLCertificate) throws -> NIOSSLCertificate {
        // SEQUENCE { SEQUENCE OF trusted uses { serverAuth (1.3.6.1.5.5.7.3.1) } }
        let trust: [UInt8] = [0x30, 0x0C, 0x30, 0x0A, 0x06, 0x08, 0x2B, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01]
        let text = Data(try certificate.toDERBytes() + trust).base64EncodedString(options: .lineLength64Characters)
        let pem = "-----BEGIN TRUSTED CERTIFICATE-----\n\(text)\n-----END TRUSTED CERTIFICATE-----\n"
        guard let anchor = try NIOSSLCertificate.fromPEMBytes(Array(pem.utf8)).first else {
            throw TLSIdentityError.unreadableAuthorities
        }
        return anchor
    }
}
