import Foundation
import Synchronization

/// Watches a journal for what any process commits, on a thread of its own, for as long as somebody asks for it.
///
/// A notice may be lost wherever there are networks and connection poolers: the newest events of all apps are read every two seconds too.
final class ChangeWatch: Sendable {
    /// Who asks for changes of one app, or of anything.
    private struct Subscriber {
        var app: String?
        var continuation: AsyncStream<Void>.Continuation
    }

    private struct State {
        var subscribers: [Int: Subscriber] = [:]
        var nextID = 0
        var source: (any ChangeSource)?
        /// Tells the thread that is to run from one that is ending.
        var run = 0
        var isRunning = false
    }

    static let longestWait = Duration.seconds(2)
    /// Between two attempts to connect again.
    private static let retry: TimeInterval = 1

    private let database: any JournalDatabase
    private let state = Mutex(State())

    init(_ database: any JournalDatabase) { self.database = database }

    /// An element at once, and one after each change; several changes may be one element. With an app, only events of its releases count.
    func changes(of app: String?) -> AsyncStream<Void> {
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let id = state.withLock { state in
            state.nextID += 1
            state.subscribers[state.nextID] = Subscriber(app: app, continuation: continuation)
            if !state.isRunning {
                state.isRunning = true
                state.run += 1
                let run = state.run
                Thread.detachNewThread { [self] in watch(run) }
            }
            return state.nextID
        }
        continuation.onTermination = { [weak self] _ in self?.end(id) }
        continuation.yield()
        return stream
    }

    private func end(_ id: Int) {
        let source = state.withLock { state -> (any ChangeSource)? in
            state.subscribers[id] = nil
            guard state.subscribers.isEmpty else { return nil }
            state.isRunning = false
            defer { state.source = nil }
            return state.source
        }
        source?.stop()
    }

    // MARK: On the thread

    private func watch(_ run: Int) {
        while isWanted(run) {
            do throws(JournalError) {
                let source = try database.openChangeSource()
                defer { source.stop() }
                let isWanted = state.withLock { state in
                    guard state.isRunning, state.run == run else { return false }
                    state.source = source
                    return true
                }
                if isWanted { try follow(source, run) }
            } catch {
                // The journal cannot be reached: whoever uses it learns that, and says so. Here it is tried again.
                Thread.sleep(forTimeInterval: Self.retry)
            }
        }
    }

    private func follow(_ source: any ChangeSource, _ run: Int) throws(JournalError) {
        var position = 0
        var isFirst = true
        while isWanted(run) {
            let heads = try source.read { [position] in try JournalHead.fetch($0, after: position) }
            position = heads.last?.position ?? position
            // What was committed while there was no connection is not known: everybody looks.
            announce(apps: isFirst ? nil : Set(heads.map(\.app)))
            isFirst = false
            try source.wait(atMost: Self.longestWait)
        }
    }

    private func isWanted(_ run: Int) -> Bool { state.withLock { $0.isRunning && $0.run == run } }

    /// `apps` have new events; `nil`: any of them may have.
    private func announce(apps: Set<String>?) {
        let continuations = state.withLock { state in
            state.subscribers.values.filter { subscriber in
                guard let app = subscriber.app, let apps else { return true }
                return apps.contains(app)
            }.map(\.continuation)
        }
        for continuation in continuations { continuation.yield() }
    }
}
