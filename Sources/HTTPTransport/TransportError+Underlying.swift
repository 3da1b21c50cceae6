import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

/// Converts errors of AsyncHTTPClient and NIO to `TransportError`.
struct ErrorTranslation: Sendable {
    var server: String
    /// The proxy between this process and the server.
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

    /// With a proxy, connection failures are failures to connect to the proxy.
    private func kind(of error: any Error, deadline: Duration) -> TransportError.Kind {
        let kind = TransportError.Kind(error, deadline: deadline, idleLimit: idleLimit)
        guard let proxy else { return kind }
        switch error as? HTTPClientError {
        case .proxyAuthenticationRequired?:
            return .proxy("\(proxy) requires a user and a password, or rejected the ones given")
        case .invalidProxyResponse?: return .proxy("\(proxy) refused to connect to it")
        case .httpProxyHandshakeTimeout?, .socksHandshakeTimeout?: return .proxy("\(proxy) did not respond in time")
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
            // The server is shutting down or starting.
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
            self = .unreachable("no connection within the time limit")
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
        // Several addresses may have failed; a refused connection is reported first, as it is more specific than "no route".
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

    /// Plain messages for BoringSSL's common errors; its own message for the rest.
    private static func explanation(of error: any Error) -> String {
        let message = String(describing: error)
        let known = [
            ("CERTIFICATE_VERIFY_FAILED", "its certificate is not signed by a trusted authority"),
            ("CERTIFICATE_REQUIRED", "it requires a client certificate and received none"),
            ("UNKNOWN_CA", "it does not trust the authority that signed the client certificate"),
            ("BAD_CERTIFICATE", "it refused the client certificate"),
            ("CERTIFICATE_EXPIRED", "a certificate has expired"),
            ("WRONG_VERSION_NUMBER", "it does not speak TLS on this port"),
            ("HTTP_REQUEST", "it does not speak TLS on this port"),
        ]
        return known.first { message.contains($0.0) }?.1 ?? message
    }
}
