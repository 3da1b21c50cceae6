import Foundation
import Glibc
import Synchronization

/// Answers connections with a text, until it is deallocated.
final class HTTPResponder: Sendable {
    private let listener: Listener
    private let requests: Shared

    private final class Shared: Sendable {
        let requests = Mutex<[String]>([])
    }

    var port: Int { listener.port }

    /// The requests, one per connection.
    var asked: [String] { requests.requests.withLock { $0 } }

    /// `answer` gets the connection's number, from 1, and the request; an empty answer closes the connection.
    init(on listener: Listener? = nil, _ answer: @escaping @Sendable (Int, String) -> String) throws {
        self.listener = try listener ?? Listener()
        requests = Shared()
        let (descriptor, requests) = (self.listener.descriptor, requests)
        // Ends when the listening socket is shut down, with the responder.
        Thread.detachNewThread {
            while true {
                let client = accept(descriptor, nil, nil)
                guard client >= 0 else { return }
                var patience = timeval(tv_sec: 2, tv_usec: 0)
                setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
                var request = ""
                var buffer = [UInt8](repeating: 0, count: 8192)
                while !request.hasSuffix("\r\n\r\n") {
                    let count = recv(client, &buffer, buffer.count, 0)
                    guard count > 0 else { break }
                    request += String(decoding: buffer[..<count], as: UTF8.self)
                }
                if !request.isEmpty {
                    let request = request
                    let number = requests.requests.withLock { all in
                        all.append(request)
                        return all.count
                    }
                    let bytes = Array(answer(number, request).utf8)
                    _ = send(client, bytes, bytes.count, Int32(MSG_NOSIGNAL))
                }
                close(client)
            }
        }
    }

    deinit { shutdown(listener.descriptor, Int32(SHUT_RDWR)) }
}
