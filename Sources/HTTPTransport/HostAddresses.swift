import Foundation
import NIOCore
import NIOPosix

/// The addresses of a host's name, by this machine's resolver.
package enum HostAddresses {
    /// In the resolver's order, each once.
    /// - Throws: `TransportError` when the name does not resolve within the time limit.
    package static func resolve(_ name: String, within limit: Duration) async throws -> [IPAddress] {
        // The resolver cannot be interrupted: what it says after the time limit is ignored.
        let promise = MultiThreadedEventLoopGroup.singleton.any().makePromise(of: [IPAddress].self)
        let alarm = promise.futureResult.eventLoop.scheduleTask(in: limit.timeAmount) {
            promise.fail(TransportError(.unreachable("its name was not resolved within \(limit.brief)"), server: name))
        }
        promise.futureResult.whenComplete { _ in alarm.cancel() }
        threads.submit { state in
            let addresses = state == .active ? lookUp(name) : []
            if addresses.isEmpty {
                promise.fail(TransportError(.unresolvable, server: name))
            } else {
                promise.succeed(addresses)
            }
        }
        return try await promise.futureResult.get()
    }

    /// Of its own: a resolver that hangs holds none that others need.
    private static let threads: NIOThreadPool = {
        let threads = NIOThreadPool(numberOfThreads: 4)
        threads.start()
        return threads
    }()

    private static func lookUp(_ name: String) -> [IPAddress] {
        var hints = addrinfo()
        hints.ai_family = AF_UNSPEC
        #if canImport(Glibc)
            hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        #else
            hints.ai_socktype = SOCK_STREAM
        #endif
        var first: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(name, nil, &hints, &first) == 0 else { return [] }
        defer { freeaddrinfo(first) }
        var addresses: [IPAddress] = []
        var next = first
        while let info = next?.pointee {
            if let address = IPAddress(info), !addresses.contains(address) { addresses.append(address) }
            next = info.ai_next
        }
        return addresses
    }
}

extension IPAddress {
    fileprivate init?(_ info: addrinfo) {
        guard let pointer = info.ai_addr else { return nil }
        switch info.ai_family {
        case AF_INET:
            let address = pointer.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { $0.pointee.sin_addr }
            self.init(withUnsafeBytes(of: address) { Array($0) })
        case AF_INET6:
            let address = pointer.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) { $0.pointee.sin6_addr }
            self.init(withUnsafeBytes(of: address) { Array($0) })
        default: return nil
        }
    }
}
