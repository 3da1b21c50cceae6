import Foundation
import Glibc

struct SocketError: Error, CustomStringConvertible {
    var description: String
}

private func withAddress<Value>(_ port: Int, _ body: (UnsafePointer<sockaddr>, socklen_t) throws -> Value) rethrows
    -> Value
{
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(port).bigEndian
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    return try withUnsafePointer(to: &address) {
        try $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            try body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
    }
}

/// A listening socket on a port of the loopback interface (0: any), closed at the end of its life.
final class Listener: Sendable {
    let descriptor: Int32
    let port: Int

    /// So many connections wait at most to be accepted, and one more; the kernel drops the first packet of those after them.
    init(port: Int = 0, backlog: Int32 = 64) throws {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | O_CLOEXEC, 0)
        guard withAddress(port, { bind(descriptor, $0, $1) }) == 0, listen(descriptor, backlog) == 0 else {
            close(descriptor)
            throw SocketError(description: "cannot listen on \(port): \(String(cString: strerror(errno)))")
        }
        var address = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        _ = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
        }
        self.descriptor = descriptor
        self.port = Int(in_port_t(bigEndian: address.sin_port))
    }

    deinit { close(descriptor) }

    /// How many of `count` connections came, each within the limit; they are closed at once.
    func accept(_ count: Int, within limit: Duration) async -> Int {
        var patience = timeval(tv_sec: Int(limit.components.seconds), tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        return await withCheckedContinuation { continuation in
            queue.async {
                for taken in 0..<count {
                    let connection = Glibc.accept(self.descriptor, nil, nil)
                    guard connection >= 0 else { return continuation.resume(returning: taken) }
                    close(connection)
                }
                continuation.resume(returning: count)
            }
        }
    }
}

/// Ports that are unused and not allocated: below the kernel's ephemeral range, each handed out
/// once.
private actor Ports {
    static let shared = Ports()
    private var next = Int.random(in: 12_000..<28_000)

    func take(_ count: Int) throws -> [Int] {
        var taken: [Int] = []
        for _ in 0..<20_000 where taken.count < count {
            next = next >= 31_999 ? 12_000 : next + 1
            if (try? Listener(port: next)) != nil { taken.append(next) }
        }
        guard taken.count == count else { throw SocketError(description: "no \(count) ports are free") }
        return taken
    }
}

func freePorts(_ count: Int) async throws -> [Int] {
    try await Ports.shared.take(count)
}

/// A connected socket.
func connected(to port: Int) throws -> Int32 {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | O_CLOEXEC, 0)
    var patience = timeval(tv_sec: 10, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
    guard withAddress(port, { connect(descriptor, $0, $1) }) == 0 else {
        let why = String(cString: strerror(errno))
        close(descriptor)
        throw SocketError(description: "cannot connect to \(port): \(why)")
    }
    return descriptor
}

private func blockingGet(port: Int, path: String) throws -> String {
    let descriptor = try connected(to: port)
    defer { close(descriptor) }
    let request = Array("GET \(path) HTTP/1.1\r\nHost: blog.domain.com\r\nConnection: close\r\n\r\n".utf8)
    guard send(descriptor, request, request.count, Int32(MSG_NOSIGNAL)) == request.count else {
        throw SocketError(description: "request not sent: \(String(cString: strerror(errno)))")
    }
    var reply: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4096)
    while true {
        let count = recv(descriptor, &buffer, buffer.count, 0)
        guard count >= 0 else { throw SocketError(description: "no reply: \(String(cString: strerror(errno)))") }
        if count == 0 { break }
        reply += buffer[..<count]
    }
    let text = String(decoding: reply, as: UTF8.self)
    guard text.hasPrefix("HTTP/1.1 200 "), let end = text.range(of: "\r\n\r\n") else {
        throw SocketError(description: "no good reply: \(text.prefix(80))")
    }
    return String(text[end.upperBound...])
}

private let queue = DispatchQueue(label: "sockets", attributes: .concurrent)

/// The body of the answer to GET over a new connection; anything but 200 is an error.
func get(port: Int, path: String = "/") async throws -> String {
    try await withCheckedThrowingContinuation { continuation in
        queue.async { continuation.resume(with: Result { try blockingGet(port: port, path: path) }) }
    }
}
