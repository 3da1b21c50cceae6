import Glibc

/// A port of 127.0.0.1 at which connections are refused. No other server can get it while this process lives: its socket stays bound, and does
/// not listen.
package func unusedPort() throws -> Int {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | O_CLOEXEC, 0)
    return try bound(descriptor, to: inet_addr("127.0.0.1"))
}

/// Ports of an address of this machine that nobody listens on, none twice.
package func freePorts(_ count: Int, at address: String) throws -> [Int] {
    var descriptors: [Int32] = []
    defer { for descriptor in descriptors { close(descriptor) } }
    return try (0..<count).map { _ in
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | O_CLOEXEC, 0)
        descriptors.append(descriptor)
        return try bound(descriptor, to: inet_addr(address))
    }
}

/// The port that a socket gets at this address, in network byte order.
private func bound(_ descriptor: Int32, to host: in_addr_t) throws -> Int {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = host
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isBound = withUnsafeMutablePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            bind(descriptor, $0, length) == 0 && getsockname(descriptor, $0, &length) == 0
        }
    }
    guard descriptor >= 0, isBound else { throw NoPort(code: errno) }
    return Int(UInt16(bigEndian: address.sin_port))
}

private struct NoPort: Error { var code: Int32 }
