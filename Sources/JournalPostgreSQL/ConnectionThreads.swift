import NIOPosix
import Synchronization

/// Threads that may block, each with a connection of its own. The connections are made when they are needed.
final class ConnectionThreads: Sendable {
    /// Used by one thread at a time; nobody waits for the lock.
    private final class Slot: Sendable {
        let connection = Mutex<PostgreSQLConnection?>(nil)
    }

    private let threads: NIOThreadPool
    private let slots: [Slot]
    private let free: Mutex<[Int]>

    init(_ count: Int) {
        slots = (0..<count).map { _ in Slot() }
        free = Mutex(Array(slots.indices))
        threads = NIOThreadPool(numberOfThreads: count)
        threads.start()
    }

    deinit { threads.shutdownGracefully { _ in } }

    /// Runs `body` on one of the threads, with its connection, which it may replace. Not cut short when the task is cancelled.
    func run<Value: Sendable>(
        _ body: @escaping @Sendable (inout PostgreSQLConnection?) -> Value
    ) async -> Value {
        await withCheckedContinuation { continuation in
            // The threads end only when nobody has this object any more, so each work item is run.
            threads.submit { [self] _ in continuation.resume(returning: use(body)) }
        }
    }

    /// There are as many slots as threads.
    private func use<Value: Sendable>(_ body: @Sendable (inout PostgreSQLConnection?) -> Value) -> Value {
        let index = free.withLock { $0.removeLast() }
        defer { free.withLock { $0.append(index) } }
        return slots[index].connection.withLock { body(&$0) }
    }
}
