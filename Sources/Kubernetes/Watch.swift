import Foundation
import HTTPTransport

/// What a watch tells.
package enum WatchEvent: Sendable, Hashable {
    /// All objects that match, as they are now. It comes first, and again whenever the server no longer knows what
    /// happened since: whatever is not in it has gone.
    case snapshot(ResourceList)
    case added(JSON)
    case modified(JSON)
    /// The object as it was last.
    case deleted(JSON)
    /// The connection is gone and is being made again. Nothing is lost by that; events only come later.
    case interrupted(KubernetesError)
}

/// The objects of a resource and every change of them, without gaps, for as long as it is iterated.
///
/// Nothing runs between calls of `next()`, so nothing piles up for a consumer that is slow, and nothing is left behind by
/// one that stops. Cancelling the task that waits for the next event ends it with `CancellationError`.
///
/// It throws when there is no first snapshot, and later for what does not heal: credentials, rights or the resource
/// itself gone (401, 403, 404), a client that was shut down.
package struct Watch: AsyncSequence, Sendable {
    package typealias Element = WatchEvent

    let client: KubernetesClient
    let resource: Resource
    let namespace: String?
    let labels: String?
    let fields: String?

    package func makeAsyncIterator() -> AsyncIterator { AsyncIterator(watch: self) }

    package struct AsyncIterator: AsyncIteratorProtocol {
        private let watch: Watch
        /// The version up to which everything has been told; nil: a snapshot is due.
        private var resourceVersion: String?
        private var lines: LineStream.AsyncIterator?
        private var connectedAt = ContinuousClock.now
        private var hasBegun = false
        private var trouble = Trouble()

        init(watch: Watch) { self.watch = watch }

        package mutating func next() async throws -> WatchEvent? {
            while true {
                try Task.checkCancellation()
                do {
                    if let delay = trouble.takeDelay() { try await watch.client.pause(delay) }
                    if resourceVersion == nil { return try await takeSnapshot() }
                    if lines == nil { try await connect() }
                    if let event = try await nextEvent() { return event }
                } catch {
                    lines = nil
                    if let told = try handle(error) { return .interrupted(told) }
                }
            }
        }

        private mutating func takeSnapshot() async throws -> WatchEvent {
            let list = try await watch.client.list(
                watch.resource, namespace: watch.namespace, labels: watch.labels, fields: watch.fields)
            resourceVersion = list.resourceVersion
            hasBegun = true
            return .snapshot(list)
        }

        private mutating func connect() async throws {
            let call = watch.call(since: resourceVersion ?? "")
            lines = try await watch.client.stream(call, watching: true, limit: Watch.lineLimit).makeAsyncIterator()
            connectedAt = .now
        }

        /// The next event of the connection; nil for a line that is none, and when the connection has ended.
        private mutating func nextEvent() async throws -> WatchEvent? {
            guard let line = try await watch.client.naming(watch.call(since: ""), { try await lines?.next() }) else {
                lines = nil
                // The server ends a watch every now and then; one that ends it at once is in trouble.
                if connectedAt.duration(to: .now) > .seconds(5) { trouble.clear() } else { trouble.grow() }
                return nil
            }
            guard let entry = try? JSON(parsing: line.bytes), let object = entry["object"] else {
                // Half a line is a lost connection: what it said comes again after the last known version.
                throw line.isTerminated ? watch.nonsense("a line that is not JSON") : watch.broken()
            }
            if entry["type"]?.string == "ERROR" { throw watch.refusal(object) }
            trouble.clear()
            if let version = object["metadata"]?["resourceVersion"]?.string { resourceVersion = version }
            switch entry["type"]?.string {
            case "ADDED": return .added(object)
            case "MODIFIED": return .modified(object)
            case "DELETED": return .deleted(object)
            case "BOOKMARK": return nil
            case let type: throw watch.nonsense("an event of type \(type ?? "none")")
            }
        }

        /// Decides how to go on after an error.
        /// - Returns: what to tell the consumer, once for each time of trouble.
        /// - Throws: the error, when going on makes no sense.
        private mutating func handle(_ error: any Error) throws -> KubernetesError? {
            let refused = error as? StreamRefused
            guard let error = refused?.error ?? (error as? KubernetesError), hasBegun, error.mayHeal else {
                throw refused?.error ?? error
            }
            if error.isExpired {
                resourceVersion = nil
                // The first time a new list settles it at once. A server that goes on like that is given time.
                trouble.expire()
                return nil
            }
            return trouble.grow(atLeast: refused?.retryAfter) ? error : nil
        }
    }

    /// Objects are at most about 1.5 MiB (etcd's limit), and somewhat more as JSON.
    static let lineLimit = LineLimit(bytes: 4 << 20)
}

/// The back-off of a watch: 200 ms that double up to 10 s, with jitter, until there is progress.
struct Trouble {
    private var failures = 0
    private var expiries = 0
    private var pending: Duration?

    /// - Returns: whether this is the first failure since there was progress.
    @discardableResult
    mutating func grow(atLeast least: Duration? = nil) -> Bool {
        failures += 1
        pending = max(Self.policy.backOff(attempt: failures), least ?? .zero)
        return failures == 1
    }

    mutating func expire() {
        expiries += 1
        if expiries > 1 { pending = Self.policy.backOff(attempt: expiries - 1) }
    }

    mutating func clear() {
        failures = 0
        expiries = 0
        pending = nil
    }

    /// What to wait before going on, once.
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

    func broken() -> KubernetesError {
        .unanswered(
            call(since: "").operation, server: client.access.server, origin: client.access.origin,
            TransportError(.closed, server: client.access.server))
    }

    func nonsense(_ problem: String) -> KubernetesError { client.unintelligible(call(since: ""), problem) }
}

extension KubernetesClient {
    /// What there is of a resource in a namespace (nil: in all), and every change of it.
    ///
    /// `labels` and `fields` are selectors, `name=blog-blue`, `metadata.name=blog-blue`.
    package func watch(
        _ resource: Resource, namespace: String? = nil, labels: String? = nil, fields: String? = nil
    ) -> Watch {
        Watch(client: self, resource: resource, namespace: namespace, labels: labels, fields: fields)
    }
}
