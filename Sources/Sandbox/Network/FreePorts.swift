import Glibc

/// Free TCP ports of 127.0.0.1.
package enum FreePorts {
    /// `count` free ports from `first` upwards, or random ones if `first` is 0.
    package static func some(_ count: Int, from first: Int) throws -> [Int] {
        let candidates = first == 0 ? Array((20_000...29_999).shuffled()) : Array(first...min(first + 2000, 65_535))
        let free = candidates.lazy.filter(isFree).prefix(count)
        guard free.count == count else { throw NoPorts() }
        return Array(free)
    }

    package struct NoPorts: Error, CustomStringConvertible {
        package init() {}

        package var description: String { "no free ports are left on 127.0.0.1" }
    }

    /// Whether a listener on this port of 127.0.0.1 receives its connections. A successful bind is not enough: the kube-proxy of
    /// another cluster on this machine redirects packets for its NodePorts before they reach a socket.
    package static func isFree(_ port: Int) -> Bool {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | O_CLOEXEC, 0)
        guard listener >= 0 else { return false }
        defer { close(listener) }
        var one: Int32 = 1
        setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, socklen_t(MemoryLayout<Int32>.size))
        guard withLoopback(port, { bind(listener, $0, $1) == 0 }), listen(listener, 1) == 0 else { return false }

        let client = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue) | O_CLOEXEC, 0)
        guard client >= 0 else { return false }
        defer { close(client) }
        guard withLoopback(port, { connect(client, $0, $1) == 0 || errno == EINPROGRESS }) else { return false }
        // On the loopback interface, a connection arrives immediately or not at all.
        var arrival = pollfd(fd: listener, events: Int16(POLLIN), revents: 0)
        return poll(&arrival, 1, 200) == 1
    }

    private static func withLoopback(_ port: Int, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Bool) -> Bool {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        return withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }
}
