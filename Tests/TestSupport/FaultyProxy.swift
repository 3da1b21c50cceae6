import NIOCore
import NIOPosix
import Synchronization

/// A TCP proxy on loopback, to a server at a Unix socket, which can be told to disturb what passes through it.
package struct FaultyProxy: Sendable {
    package enum Side: Sendable { case client, server }

    package enum Action: Sendable {
        case pass
        /// It goes nowhere, and the connection stays.
        case swallow
        /// It goes nowhere, and the connection ends on both sides.
        case cut
    }

    /// What is done with bytes from one of the sides.
    package typealias Rule = @Sendable (Side, _ bytes: [UInt8]) -> Action

    package let port: Int
    private let rule: RuleBox

    /// From now on this is done; `nil`: everything passes.
    package func set(_ rule: Rule?) { self.rule.rule.withLock { $0 = rule } }

    fileprivate final class RuleBox: Sendable {
        let rule = Mutex<Rule?>(nil)
    }

    fileprivate init(port: Int, rule: RuleBox) {
        self.port = port
        self.rule = rule
    }
}

/// Runs a test with a proxy to the server at a Unix socket.
package func withFaultyProxy<Result: Sendable>(
    to socket: String, _ test: @escaping @Sendable (FaultyProxy) async throws -> Result
) async throws -> Result {
    let rule = FaultyProxy.RuleBox()
    let listener = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
        .bind(host: "127.0.0.1", port: 0) { channel in
            channel.eventLoop.makeCompletedFuture { try Peer(wrappingChannelSynchronously: channel) }
        }
    let proxy = FaultyProxy(port: listener.channel.localAddress?.port ?? 0, rule: rule)
    return try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
            try await withThrowingDiscardingTaskGroup { peers in
                try await listener.executeThenClose { connections in
                    for try await peer in connections {
                        // A side that disconnects does not fail the test.
                        peers.addTask { try? await serve(peer, to: socket, rule) }
                    }
                }
            }
        }
        defer { group.cancelAll() }
        return try await test(proxy)
    }
}

private typealias Peer = NIOAsyncChannel<ByteBuffer, ByteBuffer>

private struct Cut: Error {}

private func serve(_ client: Peer, to socket: String, _ rule: FaultyProxy.RuleBox) async throws {
    try await client.executeThenClose { questions, toClient in
        let server = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .connect(unixDomainSocketPath: socket) { channel in
                channel.eventLoop.makeCompletedFuture { try Peer(wrappingChannelSynchronously: channel) }
            }
        try await server.executeThenClose { answers, toServer in
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await pass(questions, from: .client, to: toServer, rule) }
                group.addTask { try await pass(answers, from: .server, to: toClient, rule) }
                defer { group.cancelAll() }
                // When one side ends, so does the other.
                try await group.next()
            }
        }
    }
}

private func pass(
    _ chunks: NIOAsyncChannelInboundStream<ByteBuffer>, from side: FaultyProxy.Side,
    to writer: NIOAsyncChannelOutboundWriter<ByteBuffer>, _ rule: FaultyProxy.RuleBox
) async throws {
    for try await chunk in chunks {
        let rule = rule.rule.withLock { $0 }
        switch rule?(side, Array(buffer: chunk)) ?? .pass {
        case .pass: try await writer.write(chunk)
        case .swallow: continue
        case .cut: throw Cut()
        }
    }
}
