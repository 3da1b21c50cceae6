import Foundation
import Nginx

/// Ports of this machine that nobody listens on, and that no other test of this process has been given.
actor Ports {
    static let shared = Ports()

    private var given: Set<Int> = []

    enum Exhausted: Error { case noPortIsFree }

    func some(_ count: Int) throws -> [Int] {
        try (0..<count).map { _ in try take(from: Array(18_000...29_999)) }
    }

    /// A pair as the article's convention has it: blue ends in 0, green in 1.
    func nodePorts() throws -> PortPair {
        for blue in Array(stride(from: 30_010, to: 32_760, by: 10)).shuffled()
        where isFree(blue) && isFree(blue + 1) {
            given.formUnion([blue, blue + 1])
            return PortPair(blue: blue, green: blue + 1)
        }
        throw Exhausted.noPortIsFree
    }

    private func take(from range: [Int]) throws -> Int {
        for _ in 0..<1_000 {
            if let port = range.randomElement(), isFree(port) {
                given.insert(port)
                return port
            }
        }
        throw Exhausted.noPortIsFree
    }

    private func isFree(_ port: Int) -> Bool {
        guard !given.contains(port) else { return false }
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var one: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &one, socklen_t(MemoryLayout<Int32>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }
}
