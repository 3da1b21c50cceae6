import HTTPTransport

/// Why a registry gave no usable answer.
package struct RegistryError: Error, Sendable, Hashable, CustomStringConvertible {
    package enum Kind: Sendable, Hashable {
        /// No connection: refused, no route, no such name, a proxy that does not connect.
        case unreachable
        /// The TLS handshake failed.
        case tls
        /// No complete answer within the deadline, or the connection was closed before it was complete.
        case noAnswer
        /// It requires credentials, and none are configured for it.
        case credentialsRequired
        /// It rejected the credentials that are configured for it.
        case credentialsRefused
        /// The user, or everybody where none is configured, may not read this repository.
        case forbidden
        case noSuchRepository
        /// 429, now or before: no request is sent until the time that it named has passed.
        case tooManyRequests
        /// 408 or a status from 500 on.
        case serverError(status: Int)
        /// Not a registry's response: a web page, broken JSON, a redirect without an end, another status.
        case invalidAnswer
        /// A body or a list longer than any that is read.
        case tooLarge
        /// The content does not match the digest that was requested or promised.
        case digestMismatch
        /// A registry with TLS refers to a token server or another registry without TLS. Nothing is sent there.
        case insecure
        /// The configuration of this registry, or of the proxy, cannot be used.
        case configuration
        /// The task was cancelled, or the client was shut down.
        case cancelled
    }

    package var kind: Kind
    /// The registry, as images name it: `registry.local:5000`.
    package var host: String
    /// One sentence for people, without a full stop and without secrets.
    package var description: String
    /// How long the registry wants no further request.
    package var retryAfter: Duration?

    package init(_ kind: Kind, host: String, _ description: String, retryAfter: Duration? = nil) {
        self.kind = kind
        self.host = host
        self.description = description
        self.retryAfter = retryAfter
    }

    /// Whether the same request may succeed later although nobody changes anything.
    package var isTemporary: Bool {
        switch kind {
        case .unreachable, .noAnswer, .tooManyRequests, .serverError, .cancelled: true
        case .tls, .credentialsRequired, .credentialsRefused, .forbidden, .noSuchRepository, .invalidAnswer, .tooLarge,
            .digestMismatch, .insecure, .configuration:
            false
        }
    }
}

extension RegistryError {
    /// `server` is who did not answer, for people: the registry, or a host that it refers to.
    init(_ error: any Error, host: String, server: String) {
        guard var error = error as? TransportError else {
            self.init(.cancelled, host: host, "the request to \(server) was cancelled")
            return
        }
        error.server = server
        let kind: Kind
        var text = error.description
        switch error.kind {
        case .refused:
            kind = .unreachable
            text = "\(server) does not answer (connection refused)"
        case .unresolvable, .unreachable, .proxy: kind = .unreachable
        case .tls(let detail):
            kind = .tls
            if detail.contains("does not speak TLS") { text += "; for a registry without TLS, set plainHTTP: true" }
        case .deadline, .closed, .silent, .webSocket, .other: kind = .noAnswer
        case .bodyTooLarge, .lineTooLong: kind = .tooLarge
        case .invalidRequest: kind = .configuration
        case .shutDown: kind = .cancelled
        }
        self.init(kind, host: host, text)
    }
}
