import Foundation
import GRDB
import Glibc
import Journal

/// Learns of commits to a SQLite file from the kernel: every commit writes to the write-ahead log beside the file (inotify(7)).
final class SQLiteChangeSource: ChangeSource {
    private let path: String
    private let queue: DatabaseQueue
    private let events: Int32
    private let wakeUp = WakeUp()

    init(path: String) throws(JournalError) {
        self.path = path
        do {
            var configuration = GRDB.Configuration()
            configuration.busyMode = .timeout(5)
            queue = try DatabaseQueue(path: path, configuration: configuration)
            // The log exists for as long as a connection that has read from the file is open.
            try queue.inDatabase { _ = try Int.fetchOne($0, sql: "SELECT count(*) FROM heads") }
        } catch {
            throw JournalError(path: path, error)
        }
        events = inotify_init1(Int32(IN_NONBLOCK | IN_CLOEXEC))
        // Where the kernel gives no watch, what is read every few seconds remains.
        if events >= 0 { _ = inotify_add_watch(events, path + "-wal", UInt32(IN_MODIFY)) }
    }

    deinit { if events >= 0 { close(events) } }

    func wait(atMost limit: Duration) throws(JournalError) {
        var descriptors = [events, wakeUp.descriptor].filter { $0 >= 0 }.map {
            pollfd(fd: $0, events: Int16(POLLIN), revents: 0)
        }
        _ = poll(&descriptors, nfds_t(descriptors.count), limit.wholeMilliseconds)
        drain()
    }

    func read<Value: Sendable>(_ body: @Sendable (any DatabaseConnection) throws -> Value) throws(JournalError) -> Value
    {
        do {
            return try queue.inDatabase { try body(SQLiteConnection(database: $0)) }
        } catch {
            throw JournalError(path: path, error)
        }
    }

    func stop() { wakeUp() }

    /// One commit writes several pages of the log, and each is an event.
    private func drain() {
        guard events >= 0 else { return }
        var buffer = [UInt8](repeating: 0, count: 4096)
        while Glibc.read(events, &buffer, buffer.count) > 0 {}
    }
}
