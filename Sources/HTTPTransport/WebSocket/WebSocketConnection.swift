import NIOCore

/// A client's WebSocket (RFC 6455) with text messages in both directions.
///
/// Pings are answered, and a server that is silent for too long is given up, as long as messages are consumed: a consumer that stops reading
/// stops the connection (ten messages are buffered). Fragments are joined and must be UTF-8; binary messages, extensions and subprotocols are
/// not supported.
package struct WebSocketConnection: Sendable {
    package struct Limits: Sendable, Hashable {
        /// For everything up to the open WebSocket: name, connection, proxy, TLS and handshake.
        package var opening: Duration
        /// The longest message in bytes, its fragments together.
        package var message: Int
        /// A server that sends nothing for half of this time is pinged. After the whole time it is given up.
        package var silence: Duration
        /// How long the server's part of the closing handshake is awaited.
        package var closing: Duration

        package init(
            opening: Duration = .seconds(30), message: Int = 1 << 20, silence: Duration = .seconds(60),
            closing: Duration = .seconds(2)
        ) {
            self.opening = opening
            self.message = message
            self.silence = silence
            self.closing = closing
        }
    }

    /// `host:port`, for messages.
    package let server: String
    /// What the server sends, in order. It can be iterated once. It ends when the server closes the WebSocket in good order.
    package let messages: Messages
    private let outbound: NIOAsyncChannelOutboundWriter<String>
    private let translation: ErrorTranslation

    /// Opens a WebSocket, runs `body`, and closes the WebSocket with code 1000 (RFC 6455, 7.4.1).
    ///
    /// `url` is a wss or ws URL. It is a secret: no error contains more than its host. `tls` has the trusted certificates, for wss. `proxy`
    /// is the proxy to connect through, for ws and wss; only HTTP proxies are supported.
    /// - Returns: what `body` returns.
    /// - Throws: `TransportError`, `TLSIdentityError`, `CancellationError` when the task was cancelled, or what `body` throws.
    package static func withConnection<Result: Sendable>(
        to url: String, tls: TLSIdentity = .system, proxy: ProxyServer? = nil, limits: Limits = Limits(),
        _ body: (WebSocketConnection) async throws -> Result
    ) async throws -> Result {
        let address = try WebSocketAddress(url)
        let opening = try WebSocketOpening(address, tls: tls, proxy: proxy, limits: limits)
        return try await opening.run().executeThenClose { inbound, outbound in
            let translation = ErrorTranslation(server: address.server)
            return try await body(
                WebSocketConnection(
                    server: address.server, messages: Messages(base: inbound, translation: translation),
                    outbound: outbound, translation: translation))
        }
    }

    /// Sends a message. Waits while the server does not read.
    /// - Throws: `TransportError` when the WebSocket is closed, or `CancellationError`.
    package func send(_ message: String) async throws {
        do {
            try await outbound.write(message)
        } catch {
            if Task.isCancelled { throw CancellationError() }
            // NIO's writer has errors of its own for a closed channel.
            let translated = translation(error)
            if case .other = translated.kind { throw TransportError(.closed, server: server) }
            throw translated
        }
    }

    package struct Messages: AsyncSequence, Sendable {
        package typealias Element = String

        fileprivate let base: NIOAsyncChannelInboundStream<String>
        fileprivate let translation: ErrorTranslation

        package func makeAsyncIterator() -> AsyncIterator {
            AsyncIterator(base: base.makeAsyncIterator(), translation: translation)
        }

        package struct AsyncIterator: AsyncIteratorProtocol {
            fileprivate var base: NIOAsyncChannelInboundStream<String>.AsyncIterator
            fileprivate let translation: ErrorTranslation

            /// - Throws: `TransportError`, or `CancellationError` when the task was cancelled.
            package mutating func next() async throws -> String? {
                do {
                    if let message = try await base.next() { return message }
                } catch {
                    if Task.isCancelled { throw CancellationError() }
                    throw translation(error)
                }
                try Task.checkCancellation()
                return nil
            }
        }
    }
}
