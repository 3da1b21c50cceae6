import Foundation
import HTTPTransport

/// Which part of a container's log is wanted.
package struct LogOptions: Sendable, Hashable {
    /// Only needed for pods with several containers.
    package var container: String?
    /// Only that many lines from the end.
    package var tailLines: Int?
    /// The log of the container before its last restart.
    package var previous: Bool
    /// The server cuts the log after that many bytes.
    package var limitBytes: Int?
    package var sinceSeconds: Int?
    /// Puts an RFC 3339 time before each line.
    package var timestamps: Bool

    package init(
        container: String? = nil, tailLines: Int? = nil, previous: Bool = false, limitBytes: Int? = nil,
        sinceSeconds: Int? = nil, timestamps: Bool = false
    ) {
        self.container = container
        self.tailLines = tailLines
        self.previous = previous
        self.limitBytes = limitBytes
        self.sinceSeconds = sinceSeconds
        self.timestamps = timestamps
    }

    fileprivate var query: [(name: String, value: String)] {
        var query: [(name: String, value: String)] = []
        if let container { query.append(("container", container)) }
        if let tailLines { query.append(("tailLines", String(tailLines))) }
        if previous { query.append(("previous", "true")) }
        if let limitBytes { query.append(("limitBytes", String(limitBytes))) }
        if let sinceSeconds { query.append(("sinceSeconds", String(sinceSeconds))) }
        if timestamps { query.append(("timestamps", "true")) }
        return query
    }
}

/// Lines of a log as they are written. A line of more than 64 KiB is cut.
package struct LogLines: AsyncSequence, Sendable {
    package typealias Element = String

    let stream: LineStream
    let call: Call
    let client: KubernetesClient

    package func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(lines: stream.makeAsyncIterator(), call: call, client: client)
    }

    package struct AsyncIterator: AsyncIteratorProtocol {
        var lines: LineStream.AsyncIterator
        let call: Call
        let client: KubernetesClient

        /// The next line; nil when the container has ended.
        package mutating func next() async throws -> String? {
            do {
                return try await lines.next()?.text
            } catch let error as TransportError {
                throw KubernetesError.unanswered(
                    call.operation, server: client.access.server, origin: client.access.origin, error)
            }
        }
    }
}

extension KubernetesClient {
    /// The log as it is now. Without a `limitBytes` of its own it is cut after 1 MiB.
    package func logs(
        ofPod pod: String, namespace: String? = nil, _ options: LogOptions = LogOptions()
    ) async throws -> String {
        var options = options
        options.limitBytes = options.limitBytes ?? 1 << 20
        let answer = try await send(logCall(pod, namespace, options))
        return String(decoding: answer.body, as: UTF8.self)
    }

    /// The log from now on, after the lines that `options` ask for, until the container ends.
    package func followLogs(
        ofPod pod: String, namespace: String? = nil, _ options: LogOptions = LogOptions()
    ) async throws -> LogLines {
        var call = logCall(pod, namespace, options)
        call.query.append(("follow", "true"))
        do {
            let stream = try await stream(call, watching: false, limit: LineLimit(bytes: 64 << 10, excess: .isCut))
            return LogLines(stream: stream, call: call, client: self)
        } catch let refused as StreamRefused {
            throw refused.error
        }
    }

    private func logCall(_ pod: String, _ namespace: String?, _ options: LogOptions) -> Call {
        var call = Call("get", .pods, pod, place(.pods, namespace), subresource: "log")
        call.query = options.query
        // Logs are text; an API server that is asked for JSON refuses.
        call.accept = "*/*"
        return call
    }
}
