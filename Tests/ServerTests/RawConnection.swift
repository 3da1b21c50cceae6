import Foundation
import Testing

#if canImport(Glibc)
    import Glibc
#endif

/// A TCP connection without an HTTP client.
final class RawConnection: Sendable {
    let descriptor: Int32

    init(port: Int, receiveBuffer: Int32? = nil) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        if var size = receiveBuffer {
            setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout<Int32>.size))
        }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        try #require(result == 0)
    }

    deinit { close(descriptor) }

    /// Opens many connections, on a thread of its own: `connect` blocks while the server's backlog is full.
    static func open(_ count: Int, port: Int) async throws -> [RawConnection] {
        try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread {
                continuation.resume(with: Result { try (0..<count).map { _ in try RawConnection(port: port) } })
            }
        }
    }

    func send(_ text: String) {
        _ = Array(text.utf8).withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
    }

    /// Whether the server has neither closed the connection nor sent anything.
    var isOpen: Bool {
        var byte: UInt8 = 0
        return recv(descriptor, &byte, 1, Int32(MSG_DONTWAIT | MSG_PEEK)) == -1 && errno == EAGAIN
    }

    /// The bytes until the server closes the connection; `nil` when it does not in time.
    func readToEnd() async throws -> String? {
        var bytes: [UInt8] = []
        let deadline = ContinuousClock.now + testLimit
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while ContinuousClock.now < deadline {
            let count = recv(descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT))
            if count == 0 { return String(decoding: bytes, as: UTF8.self) }
            if count > 0 {
                bytes += buffer.prefix(count)
            } else if errno == EAGAIN || errno == EINTR {
                try await Task.sleep(for: .milliseconds(10))
            } else {
                return String(decoding: bytes, as: UTF8.self)
            }
        }
        return nil
    }
}
