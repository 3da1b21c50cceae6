import HTTPTransport

/// Why a registry did not tell what it was asked.
package struct RegistryError: Error, Sendable, Hashable, CustomStringConvertible {
    package enum Kind: Sendable, Hashable {
        /// No connection: refused, no route, no such name, a proxy that does not connect.
        case unreachable
        /// The TLS handshake failed.
        case tls
        /// No complete answer within the deadline, or the connection was closed before it was complete.
        case noAnswer
        /// It shows this only with credentials, and none are configured for it.
        case credentialsRequired
        /// It refuses the credentials that are configured for it.
        case credentialsRefused
        /// Whoever asks may not read this repository.
        case forbidden
        case noSuchRepository
        /// 429, or it said 429 a moment ago and how long to wait.
        case tooManyRequests
        /// 408 or a status from 500 on.
        case serverError(status: Int)
        /// Not what a registry answers: a web page, broken JSON, a redirect without an end, another status.
        case invalidAnswer
        /// A body or a list longer than any that is read.
        case tooLarge
        /// The content has another digest than the one that was asked for or promised.
        case digestMismatch
        /// It names a place that nothing is asked of: a token server or a copy without TLS, for a registry with it.
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
    /// How long the registry wants to be left alone.
    package var retryAfter: Duration?

    package init(_ kind: Kind, host: String, _ description: String, retryAfter: Duration? = nil) {
        self.kind = kind
        self.host = host
        self.description = description
        self.retryAfter = retryAfter
    }

    /// Whether the same question may be answered later although nobody changes anything.
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
    /// `server` is who did not answer, for people: the registry, or a host that it named.
    init(_ error: any Error, host: String, server: String) {
        guard var error = error as? TransportError else {
            self.init(.cancelled, host: host, "the question to \(server) was given up")
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
        case .tls: kind = .tls
        case .deadline, .closed, .silent, .other: kind = .noAnswer
        case .bodyTooLarge, .lineTooLong: kind = .tooLarge
        case .invalidRequest: kind = .configuration
        case .shutDown: kind = .cancelled
        }
        self.init(kind, host: host, text)
    }
}
