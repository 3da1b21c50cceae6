import Foundation
import Glibc

/// A FastCGI application on a loopback port, until it is deallocated.
final class FastCGIResponder: Sendable {
    enum Manner: Sendable {
        /// Answers requests with this output, as php-fpm does.
        case output(String)
        /// FCGI_OVERLOADED, without output.
        case overloaded
        /// Supports no request, only FCGI_GET_VALUES.
        case valuesOnly
        /// Accepts connections and sends nothing that is FastCGI.
        case other(String)
    }

    private let listener: Listener
    private let requests = Requests()
    var port: Int { listener.port }

    /// The parameters of each request.
    func asked() async -> [[String: String]] { await requests.all }

    private actor Requests {
        private(set) var all: [[String: String]] = []
        func add(_ parameters: [String: String]) { all.append(parameters) }
    }

    init(_ manner: Manner) throws {
        listener = try Listener()
        let (descriptor, requests) = (listener.descriptor, requests)
        // Ends when the listening socket is shut down, with the responder.
        Thread.detachNewThread {
            while true {
                let client = accept(descriptor, nil, nil)
                guard client >= 0 else { return }
                Self.serve(client, manner, requests)
                close(client)
            }
        }
    }

    deinit { shutdown(listener.descriptor, Int32(SHUT_RDWR)) }

    private static func serve(_ client: Int32, _ manner: Manner, _ requests: Requests) {
        var patience = timeval(tv_sec: 5, tv_usec: 0)
        setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        var parameters: [UInt8] = []
        while let (type, content) = record(client) {
            switch (type, manner) {
            case (9, .valuesOnly), (9, .output):
                return reply(client, record(10, [15, 1] + Array("FCGI_MPXS_CONNS0".utf8)))
            case (4, _) where !content.isEmpty: parameters += content
            // The end of the input is the end of the request.
            case (5, _) where content.isEmpty:
                let pairs = pairs(parameters)
                let finished = DispatchSemaphore(value: 0)
                Task {
                    await requests.add(pairs)
                    finished.signal()
                }
                finished.wait()
                switch manner {
                case .output(let text):
                    return reply(
                        client, record(6, Array(text.utf8)) + record(6, []) + record(3, [0, 0, 0, 0, 0, 0, 0, 0]))
                case .overloaded: return reply(client, record(3, [0, 0, 0, 0, 2, 0, 0, 0]))
                case .valuesOnly: return
                case .other(let text): return reply(client, Array(text.utf8))
                }
            default: continue
            }
        }
    }

    private static func record(_ type: UInt8, _ content: [UInt8]) -> [UInt8] {
        [1, type, 0, 1, UInt8(content.count >> 8), UInt8(content.count & 255), 0, 0] + content
    }

    private static func record(_ client: Int32) -> (UInt8, [UInt8])? {
        guard let header = read(client, 8), header[0] == 1,
            let content = read(client, Int(header[4]) << 8 | Int(header[5])), read(client, Int(header[6])) != nil
        else { return nil }
        return (header[1], content)
    }

    private static func read(_ client: Int32, _ count: Int) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: count)
        var filled = 0
        while filled < count {
            let got = bytes.withUnsafeMutableBytes { recv(client, $0.baseAddress! + filled, count - filled, 0) }
            guard got > 0 else { return nil }
            filled += got
        }
        return bytes
    }

    private static func reply(_ client: Int32, _ bytes: [UInt8]) {
        _ = send(client, bytes, bytes.count, Int32(MSG_NOSIGNAL))
    }

    private static func pairs(_ bytes: [UInt8]) -> [String: String] {
        var (found, rest) = ([String: String](), bytes[...])
        func length() -> Int? {
            guard let first = rest.popFirst() else { return nil }
            guard first > 127 else { return Int(first) }
            guard rest.count >= 3 else { return nil }
            let tail = rest.prefix(3).reduce(0) { $0 << 8 | Int($1) }
            rest = rest.dropFirst(3)
            return Int(first & 127) << 24 | tail
        }
        while let name = length(), let value = length(), rest.count >= name + value {
            let key = String(decoding: rest.prefix(name), as: UTF8.self)
            found[key] = String(decoding: rest.dropFirst(name).prefix(value), as: UTF8.self)
            rest = rest.dropFirst(name + value)
        }
        return found
    }
}
