import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

/// Says what an error of the library below means for a person.
struct ErrorTranslation: Sendable {
    var server: String
    /// Who was to connect to the server.
    var proxy: ProxyServer?
    /// The read timeout of streams, if one was configured.
    var idleLimit: Duration?

    func callAsFunction(_ error: any Error, deadline: Duration = .zero, largestBody: Int = 0) -> TransportError {
        switch error {
        case let error as TransportError: error
        case is DeadlinePassed: TransportError(.deadline(deadline), server: server)
        case is NIOTooManyBytesError: TransportError(.bodyTooLarge(largestBody), server: server)
        default: TransportError(kind(of: error, deadline: deadline), server: server)
        }
    }

    /// Behind a proxy it is the proxy that a connection could not be had with.
    private func kind(of error: any Error, deadline: Duration) -> TransportError.Kind {
        let kind = TransportError.Kind(error, deadline: deadline, idleLimit: idleLimit)
        guard let proxy else { return kind }
        switch error as? HTTPClientError {
        case .proxyAuthenticationRequired?: return .proxy("\(proxy) wants a user and a password, or other ones")
        case .invalidProxyResponse?: return .proxy("\(proxy) refused to connect to it")
        case .httpProxyHandshakeTimeout?, .socksHandshakeTimeout?: return .proxy("\(proxy) did not answer in time")
        default: break
        }
        switch kind {
        case .refused: return .proxy("\(proxy) refused the connection: nothing is listening there")
        case .unresolvable: return .proxy("the name of \(proxy) does not resolve to an address")
        case .unreachable(let detail): return .proxy("\(proxy) cannot be reached: \(detail)")
        default: return kind
        }
    }
}

extension TransportError.Kind {
    fileprivate init(_ error: any Error, deadline: Duration, idleLimit: Duration?) {
        switch error {
        case let error as HTTPClientError:
            self.init(error, deadline: deadline, idleLimit: idleLimit)
        case let error as NIOConnectionError:
            self.init(error)
        case let error as IOError:
            self.init(error)
        case let error as ChannelError:
            if case .connectTimeout(let limit) = error {
                self = .unreachable("no reply within \(Duration.nanoseconds(limit.nanoseconds).brief)")
            } else {
                self = .closed
            }
        case NIOSSLError.uncleanShutdown:
            self = .closed
        case let error as NIOSSLError where String(describing: error).contains("EOF during handshake"):
            // A server that is just going down or coming up.
            self = .closed
        case let error as NIOSSLError:
            self = .tls(Self.explanation(of: error))
        case let error as BoringSSLError:
            self = .tls(Self.explanation(of: error))
        case let error as NIOSSLExtraError where error == .failedToValidateHostname:
            self = .tls("its certificate is for another name")
        case let error as NIOSSLExtraError:
            self = .tls(error.description)
        case is HTTPParserError:
            self = .closed
        default:
            self = .other(String(describing: error))
        }
    }

    private init(_ error: HTTPClientError, deadline: Duration, idleLimit: Duration?) {
        switch error {
        case .remoteConnectionClosed, .requestStreamCancelled, .uncleanShutdown:
            self = .closed
        case .connectTimeout, .getConnectionFromPoolTimeout:
            self = .unreachable("no connection came about in time")
        case .tlsHandshakeTimeout:
            self = .tls("no reply to the handshake")
        case .deadlineExceeded, .writeTimeout:
            self = .deadline(deadline)
        case .readTimeout:
            self = .silent(idleLimit ?? deadline)
        case .alreadyShutdown, .cancelled:
            self = .shutDown
        default:
            let text = error.shortDescription
            self = text.hasPrefix("Invalid") ? .invalidRequest(text.lowercased()) : .other(text.lowercased())
        }
    }

    private init(_ error: NIOConnectionError) {
        guard let failure = error.connectionErrors.first else {
            self = .unresolvable
            return
        }
        // Several addresses may have failed: one that was refused says more than one without a route.
        for failure in error.connectionErrors {
            if let failure = failure.error as? IOError, failure.errnoCode == ECONNREFUSED {
                self = .refused
                return
            }
        }
        if let reason = failure.error as? IOError {
            self = .unreachable(Self.text(ofErrno: reason.errnoCode))
        } else if case ChannelError.connectTimeout(let limit) = failure.error {
            self = .unreachable("no reply within \(Duration.nanoseconds(limit.nanoseconds).brief)")
        } else {
            self = .unreachable(String(describing: failure.error))
        }
    }

    private init(_ error: IOError) {
        switch error.errnoCode {
        case ECONNREFUSED: self = .refused
        case ECONNRESET, EPIPE, ENOTCONN, ESHUTDOWN: self = .closed
        case EHOSTUNREACH, ENETUNREACH, ETIMEDOUT, EHOSTDOWN, ENETDOWN, EADDRNOTAVAIL:
            self = .unreachable(Self.text(ofErrno: error.errnoCode))
        default: self = .other(Self.text(ofErrno: error.errnoCode))
        }
    }

    private static func text(ofErrno code: CInt) -> String {
        String(cString: strerror(code)).lowercased()
    }

    /// BoringSSL's words for the cases that people meet, said plainly; its own words for the rest.
    private static func explanation(of error: any Error) -> String {
        let words = String(describing: error)
        let known = [
            ("CERTIFICATE_VERIFY_FAILED", "its certificate is not signed by a trusted authority"),
            ("CERTIFICATE_REQUIRED", "it wants a client certificate and got none"),
            ("UNKNOWN_CA", "it does not trust the authority of our client certificate"),
            ("BAD_CERTIFICATE", "it refused our client certificate"),
            ("CERTIFICATE_EXPIRED", "a certificate has expired"),
            ("WRONG_VERSION_NUMBER", "it does not speak TLS on this port"),
            ("HTTP_REQUEST", "it does not speak TLS on this port"),
        ]
        return known.first { words.contains($0.0) }?.1 ?? words
    }
}
