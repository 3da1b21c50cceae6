/// Why a request got no response. Responses with an error status are not transport errors.
package struct TransportError: Error, Sendable, Hashable, CustomStringConvertible {
    package enum Kind: Sendable, Hashable {
        /// The connection was refused. The request was not sent.
        case refused
        /// The host name does not resolve. The request was not sent.
        case unresolvable
        /// No connection for another reason (no route, no reply). The request was not sent.
        case unreachable(String)
        /// The proxy does not respond or does not connect. The request was not sent.
        case proxy(String)
        /// The TLS handshake failed: untrusted authority, wrong name, missing or refused client certificate.
        case tls(String)
        /// The request, retries and response body included, took longer than this.
        case deadline(Duration)
        /// The server closed the connection before the response was complete.
        case closed
        /// A stream sent nothing for this long.
        case silent(Duration)
        /// The response body was larger than this many bytes.
        case bodyTooLarge(Int)
        /// A line of a stream was longer than this many bytes.
        case lineTooLong(Int)
        /// The URL, a header or the body cannot be sent.
        case invalidRequest(String)
        /// `shutdown()` was called.
        case shutDown
        /// A WebSocket did not open, or ended otherwise than in good order.
        case webSocket(WebSocketProblem)
        /// Any other error, with the HTTP library's message.
        case other(String)
    }

    package enum WebSocketProblem: Sendable, Hashable {
        /// The server did not answer the request with a WebSocket.
        case notOpened(String)
        /// The server broke the protocol (RFC 6455), or sent what is not supported.
        case violation(String)
        /// A message was larger than this many bytes.
        case messageTooLarge(Int)
        /// The server closed the WebSocket with a code that is neither 1000 nor 1001.
        case closed(code: Int, reason: String)
    }

    package var kind: Kind
    /// `host:port` of the server.
    package var server: String

    package init(_ kind: Kind, server: String) {
        self.kind = kind
        self.server = server
    }

    /// Whether the server cannot have received the request, so that a retry is safe for every method.
    package var nothingWasSent: Bool {
        switch kind {
        case .refused, .unresolvable, .unreachable, .proxy: true
        default: false
        }
    }

    package var description: String {
        switch kind {
        case .refused: "\(server) refused the connection: nothing is listening there"
        case .unresolvable: "the host name of \(server) does not resolve to an address"
        case .unreachable(let detail): "\(server) cannot be reached: \(detail)"
        case .proxy(let detail): "\(server) cannot be reached: \(detail)"
        case .tls(let detail): "TLS with \(server) failed: \(detail)"
        case .deadline(let limit): "\(server) did not send a complete response within \(limit.brief)"
        case .closed: "\(server) closed the connection before the response was complete"
        case .silent(let limit): "\(server) sent nothing for \(limit.brief)"
        case .bodyTooLarge(let limit): "the response of \(server) is larger than \(limit) bytes"
        case .lineTooLong(let limit): "\(server) sent a line longer than \(limit) bytes"
        case .invalidRequest(let detail): "the request to \(server) cannot be sent: \(detail)"
        case .shutDown: "the connection to \(server) has been shut down"
        case .webSocket(.notOpened(let detail)): "\(server) did not open a WebSocket: \(detail)"
        case .webSocket(.violation(let detail)): "\(server) broke the WebSocket protocol: \(detail)"
        case .webSocket(.messageTooLarge(let limit)): "\(server) sent a message larger than \(limit) bytes"
        case .webSocket(.closed(let code, let reason)):
            "\(server) closed the WebSocket with code \(code)" + (reason.isEmpty ? "" : ": \(reason)")
        case .other(let detail): "the call to \(server) failed: \(detail)"
        }
    }
}

extension Duration {
    /// `250 ms`, `1.5 s`, `30 s`.
    var brief: String {
        let (seconds, attoseconds) = components
        let milliseconds = attoseconds / 1_000_000_000_000_000
        if seconds == 0 { return "\(milliseconds) ms" }
        if milliseconds == 0 { return "\(seconds) s" }
        let tenths = milliseconds / 100
        return tenths == 0 ? "\(seconds) s" : "\(seconds).\(tenths) s"
    }
}
