import Foundation
import NIOCore
import NIOPosix

/// A proxy on loopback that supports only CONNECT and maps addresses to the test's ports.
package struct ConnectProxy: Sendable {
    package var port: Int
    package var asked: Heads

    /// The heads of its requests.
    package actor Heads {
        package private(set) var all: [String] = []

        func add(_ head: String) { all.append(head) }
    }
}

/// Runs a test against a proxy on a free loopback port.
///
/// `port` tells where on loopback a target, `host:port`, is; for nil the proxy refuses. `authorization` is what
/// `Proxy-Authorization` has to be; anything else is answered with 407.
package func withConnectProxy<Result: Sendable>(
    to port: @escaping @Sendable (String) -> Int?, authorization: String? = nil,
    _ test: @escaping @Sendable (ConnectProxy) async throws -> Result
) async throws -> Result {
    let heads = ConnectProxy.Heads()
    let listener = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
        .bind(host: "127.0.0.1", port: 0) { channel in
            channel.eventLoop.makeCompletedFuture { try Peer(wrappingChannelSynchronously: channel) }
        }
    let proxy = ConnectProxy(port: listener.channel.localAddress?.port ?? 0, asked: heads)
    return try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
            try await withThrowingDiscardingTaskGroup { peers in
                try await listener.executeThenClose { connections in
                    for try await peer in connections {
                        peers.addTask {
                            // A client that disconnects early does not fail the test.
                            try? await serve(peer, to: port, authorization, heads)
                        }
                    }
                }
            }
        }
        defer { group.cancelAll() }
        return try await test(proxy)
    }
}

private typealias Peer = NIOAsyncChannel<ByteBuffer, ByteBuffer>

private func serve(
    _ peer: Peer, to port: @Sendable (String) -> Int?, _ authorization: String?, _ heads: ConnectProxy.Heads
) async throws {
    try await peer.executeThenClose { inbound, outbound in
        var chunks = inbound.makeAsyncIterator()
        var text = ""
        while !text.contains("\r\n\r\n") {
            guard let chunk = try await chunks.next() else { return }
            text += String(buffer: chunk)
        }
        await heads.add(text)
        let lines = text.components(separatedBy: "\r\n")
        let words = lines[0].split(separator: " ").map(String.init)
        func answer(_ status: String) async throws {
            try await outbound.write(ByteBuffer(string: "HTTP/1.1 \(status)\r\nContent-Length: 0\r\n\r\n"))
        }
        let given = lines.first { $0.lowercased().hasPrefix("proxy-authorization: ") }?.dropFirst(21)
        if let authorization, given.map(String.init) != authorization {
            return try await answer("407 Proxy Authentication Required")
        }
        guard words.count == 3, words[0] == "CONNECT", let port = port(words[1]) else {
            return try await answer("403 Forbidden")
        }
        let server = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .connect(host: "127.0.0.1", port: port) { channel in
                channel.eventLoop.makeCompletedFuture { try Peer(wrappingChannelSynchronously: channel) }
            }
        try await server.executeThenClose { answers, questions in
            try await outbound.write(ByteBuffer(string: "HTTP/1.1 200 Connection established\r\n\r\n"))
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { for try await chunk in answers { try await outbound.write(chunk) } }
                defer { group.cancelAll() }
                while let chunk = try await chunks.next() { try await questions.write(chunk) }
            }
        }
    }
}
