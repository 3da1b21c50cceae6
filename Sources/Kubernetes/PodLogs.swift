import Foundation
import HTTPTransport

/// The part of a container's log to read.
package struct LogOptions: Sendable, Hashable {
    /// Required only for pods with several containers.
    package var container: String?
    /// Only this many lines from the end.
    package var tailLines: Int?
    /// The log of the container before its last restart.
    package var previous: Bool
    /// The server truncates the log after this many bytes.
    package var limitBytes: Int?
    package var sinceSeconds: Int?
    /// Prefixes each line with an RFC 3339 time.
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

/// The lines of a log as they are written. Lines are truncated after 64 KiB.
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
                throw KubernetesError.noResponse(
                    call.operation, server: client.access.server, origin: client.access.origin, error)
            }
        }
    }
}

extension KubernetesClient {
    /// The current log. Without `limitBytes` it is truncated after 1 MiB.
    package func logs(
        ofPod pod: String, namespace: String? = nil, _ options: LogOptions = LogOptions()
    ) async throws -> String {
        var options = options
        options.limitBytes = options.limitBytes ?? 1 << 20
        let answer = try await send(logCall(pod, namespace, options))
        return String(decoding: answer.body, as: UTF8.self)
    }

    /// Follows the log, starting with the lines selected by `options`, until the container ends.
    package func followLogs(
        ofPod pod: String, namespace: String? = nil, _ options: LogOptions = LogOptions()
    ) async throws -> LogLines {
        var call = logCall(pod, namespace, options)
        call.query.append(("follow", "true"))
        do {
            let stream = try await stream(call, watching: false, limit: LineLimit(bytes: 64 << 10, excess: .truncates))
            return LogLines(stream: stream, call: call, client: self)
        } catch let refused as StreamRefused {
            throw refused.error
        }
    }

    private func logCall(_ pod: String, _ namespace: String?, _ options: LogOptions) -> Call {
        var call = Call("get", .pods, pod, resolvedNamespace(.pods, namespace), subresource: "log")
        call.query = options.query
        // Logs are text; an API server refuses `Accept: application/json` for them.
        call.accept = "*/*"
        return call
    }
}
