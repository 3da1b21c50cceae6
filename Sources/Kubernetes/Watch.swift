import Foundation
import HTTPTransport

/// An event of a watch.
package enum WatchEvent: Sendable, Hashable {
    /// All matching objects. It is the first event, and comes again when the server no longer has the changes since the last
    /// known version. Objects that are not in it do not exist.
    case snapshot(ResourceList)
    case added(JSON)
    case modified(JSON)
    /// The last state of the object.
    case deleted(JSON)
    /// The connection was lost and is being reopened. No event is lost, but events are delayed.
    case interrupted(KubernetesError)
    /// The connection is open again. Only where it was asked for.
    case resumed
}

/// The objects of a resource and all changes to them, without gaps.
///
/// Nothing runs between calls of `next()`, so that a slow consumer does not fill a buffer and a stopped one leaves nothing
/// behind. Cancelling the task that waits for the next event ends it with `CancellationError`.
///
/// It throws when the first snapshot fails, and later for permanent errors: missing credentials, permissions or resource
/// (401, 403, 404), or a client that was shut down.
package struct Watch: AsyncSequence, Sendable {
    package typealias Element = WatchEvent

    let client: KubernetesClient
    let resource: Resource
    let namespace: String?
    let labels: String?
    let fields: String?
    let reportsResumption: Bool
    let keeping: @Sendable (JSON) -> JSON?

    package func makeAsyncIterator() -> AsyncIterator { AsyncIterator(watch: self) }

    package struct AsyncIterator: AsyncIteratorProtocol {
        private let watch: Watch
        /// The version up to which events have been delivered; nil: a snapshot is due.
        private var resourceVersion: String?
        private var lines: LineStream.AsyncIterator?
        private var connectedAt: ContinuousClock.Instant
        private var hasBegun = false
        private var backoff = WatchBackoff()
        /// The consumer was told of an interruption, and not of its end.
        private var isInterrupted = false

        init(watch: Watch) {
            self.watch = watch
            connectedAt = watch.client.now()
        }

        package mutating func next() async throws -> WatchEvent? {
            while true {
                try Task.checkCancellation()
                do {
                    if let delay = backoff.takeDelay() { try await watch.client.pause(delay) }
                    if resourceVersion == nil { return try await takeSnapshot() }
                    if lines == nil {
                        try await connect()
                        if isInterrupted && watch.reportsResumption {
                            isInterrupted = false
                            return .resumed
                        }
                    }
                    if let event = try await nextEvent() { return event }
                } catch {
                    lines = nil
                    if let reported = try handle(error) { return .interrupted(reported) }
                }
            }
        }

        private mutating func takeSnapshot() async throws -> WatchEvent {
            let list = try await watch.client.list(
                watch.resource, namespace: watch.namespace, labels: watch.labels, fields: watch.fields,
                keeping: watch.keeping)
            resourceVersion = list.resourceVersion
            hasBegun = true
            isInterrupted = false
            return .snapshot(list)
        }

        private mutating func connect() async throws {
            let call = watch.call(since: resourceVersion ?? "")
            lines = try await watch.client.stream(call, watching: true, limit: Watch.lineLimit).makeAsyncIterator()
            connectedAt = watch.client.now()
        }

        /// The next event of the connection; nil for a bookmark and at the end of the connection.
        private mutating func nextEvent() async throws -> WatchEvent? {
            guard let line = try await watch.client.convertingErrors(watch.call(since: ""), { try await lines?.next() })
            else {
                lines = nil
                // The server ends a watch regularly; one that ends it immediately is failing.
                let lasted = connectedAt.duration(to: watch.client.now())
                if lasted > .seconds(5) { backoff.reset() } else { backoff.recordFailure() }
                return nil
            }
            guard let entry = try? JSON(parsing: line.bytes), let object = entry["object"] else {
                // A partial line means a lost connection: its event comes again after the last known version.
                throw line.isTerminated ? watch.invalidEvent("a line that is not JSON") : watch.connectionLost()
            }
            if entry["type"]?.string == "ERROR" { throw watch.refusal(object) }
            backoff.reset()
            if let version = object["metadata"]?["resourceVersion"]?.string { resourceVersion = version }
            if entry["type"]?.string == "BOOKMARK" { return nil }
            guard let object = watch.keeping(object) else { return nil }
            switch entry["type"]?.string {
            case "ADDED": return .added(object)
            case "MODIFIED": return .modified(object)
            case "DELETED": return .deleted(object)
            case let type: throw watch.invalidEvent("an event of type \(type ?? "none")")
            }
        }

        /// Decides how to continue after an error.
        /// - Returns: the error to report to the consumer, once per interruption.
        /// - Throws: the error, if it is permanent.
        private mutating func handle(_ error: any Error) throws -> KubernetesError? {
            let refused = error as? StreamRefused
            guard let error = refused?.error ?? (error as? KubernetesError), hasBegun, error.isTemporary else {
                throw refused?.error ?? error
            }
            if error.isExpired {
                resourceVersion = nil
                // The first time, a new list resolves this immediately. Repeated expiries are delayed.
                backoff.recordExpiry()
                return nil
            }
            // After a resumption was reported, each further failure is.
            guard backoff.recordFailure(atLeast: refused?.retryAfter) || (watch.reportsResumption && !isInterrupted)
            else { return nil }
            isInterrupted = true
            return error
        }
    }

    /// An object is at most about 1.5 MiB in etcd, and somewhat more as JSON.
    static let lineLimit = LineLimit(bytes: 4 << 20)
}

/// The back-off of a watch: from 200 ms, doubling up to 10 s, with jitter, until there is progress.
struct WatchBackoff {
    private var failures = 0
    private var expiries = 0
    private var pending: Duration?

    /// - Returns: whether this is the first failure since the last progress.
    @discardableResult
    mutating func recordFailure(atLeast least: Duration? = nil) -> Bool {
        failures += 1
        pending = max(Self.policy.backOff(attempt: failures), least ?? .zero)
        return failures == 1
    }

    mutating func recordExpiry() {
        expiries += 1
        if expiries > 1 { pending = Self.policy.backOff(attempt: expiries - 1) }
    }

    mutating func reset() {
        failures = 0
        expiries = 0
        pending = nil
    }

    /// The delay before the next request; it is returned once.
    mutating func takeDelay() -> Duration? {
        defer { pending = nil }
        return pending
    }

    private static let policy = RetryPolicy(attempts: .max, longestDelay: .seconds(10))
}

extension Watch {
    func call(since resourceVersion: String) -> Call {
        var call = Call("watch", resource, nil, namespace)
        call.query = [
            ("watch", "true"), ("allowWatchBookmarks", "true"), ("resourceVersion", resourceVersion),
            ("timeoutSeconds", String(APISession.watchDuration.components.seconds)),
        ]
        call.select(labels: labels, fields: fields)
        return call
    }

    /// The `Status` object of an ERROR event.
    func refusal(_ status: JSON) -> KubernetesError {
        client.refusal(call(since: ""), status: status["code"]?.integer ?? 500, body: Data(status.text.utf8))
    }

    func connectionLost() -> KubernetesError {
        .noResponse(
            call(since: "").operation, server: client.access.server, origin: client.access.origin,
            TransportError(.closed, server: client.access.server))
    }

    func invalidEvent(_ problem: String) -> KubernetesError { client.invalidResponse(call(since: ""), problem) }
}

extension KubernetesClient {
    /// Watches the objects of a resource in a namespace (nil: all namespaces).
    ///
    /// `labels` and `fields` are selectors: `name=blog-blue`, `metadata.name=blog-blue`. `keeping` returns what is kept of each object;
    /// events of objects of which nothing is kept are left out. With
    /// `reportsResumption`, `resumed` follows each `interrupted` once the connection is open again.
    package func watch(
        _ resource: Resource, namespace: String? = nil, labels: String? = nil, fields: String? = nil,
        reportsResumption: Bool = false, keeping: @escaping @Sendable (JSON) -> JSON? = { $0 }
    ) -> Watch {
        Watch(
            client: self, resource: resource, namespace: namespace, labels: labels, fields: fields,
            reportsResumption: reportsResumption, keeping: keeping)
    }
}
