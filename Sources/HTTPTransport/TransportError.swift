/// Why a call did not get an answer. Answers with an error status are not errors of the transport.
package struct TransportError: Error, Sendable, Hashable, CustomStringConvertible {
    package enum Kind: Sendable, Hashable {
        /// Nothing listens there: the request was certainly not carried out.
        case refused
        /// The name has no address: the request was certainly not carried out.
        case unresolvable
        /// No connection came about for another reason (no route, no reply): the request was certainly not carried out.
        case unreachable(String)
        /// The proxy on the way does not answer or does not connect: the request was certainly not carried out.
        case proxy(String)
        /// The handshake failed: wrong authority, wrong name, missing or refused client certificate.
        case tls(String)
        /// The whole call, its body and retries included, took longer than this.
        case deadline(Duration)
        /// The other side ended the connection before its answer was complete.
        case closed
        /// A stream said nothing for this long, although it was expected to.
        case silent(Duration)
        /// The body was larger than this many bytes.
        case bodyTooLarge(Int)
        /// A line of a stream was longer than this many bytes.
        case lineTooLong(Int)
        /// The URL, a header or the body cannot be sent.
        case invalidRequest(String)
        /// `shutdown()` was called.
        case shutDown
        /// Anything else, in the words of the library below.
        case other(String)
    }

    package var kind: Kind
    /// `host:port` of the server.
    package var server: String

    package init(_ kind: Kind, server: String) {
        self.kind = kind
        self.server = server
    }

    /// Whether the server cannot have seen the request, so that sending it again is safe for every method.
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
        case .deadline(let limit): "\(server) did not answer completely within \(limit.brief)"
        case .closed: "\(server) closed the connection before the answer was complete"
        case .silent(let limit): "\(server) sent nothing for \(limit.brief)"
        case .bodyTooLarge(let limit): "the answer of \(server) is larger than \(limit) bytes"
        case .lineTooLong(let limit): "\(server) sent a line longer than \(limit) bytes"
        case .invalidRequest(let detail): "the request to \(server) cannot be sent: \(detail)"
        case .shutDown: "the connection to \(server) has been shut down"
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
