import Controller
import Foundation
import Glibc
import Journal
import Logging
import NIOConcurrencyHelpers
import ReleaseMachine

/// This server among those that use the same journal: it writes every few seconds that it is there. What it has claimed there is the
/// others' when it has not done so for `Journal.serverLife`.
package actor ServerPresence {
    package nonisolated let id: String
    nonisolated let journal: Journal
    private let record: ServerRecord
    private let metrics: Metrics
    private let logger: Logger
    private let stopping = NIOLockedValueBox(false)
    /// When the last renewal began that succeeded; `nil` before the first one.
    private var renewed: ContinuousClock.Instant?
    private var isFailing = false

    init(journal: Journal, settings: ServerSettings, startedAt: Timestamp, metrics: Metrics, logger: Logger) {
        id = ReleaseLock.newID()
        self.journal = journal
        self.metrics = metrics
        self.logger = logger
        record = ServerRecord(
            id: id, host: Self.host, process: Int(getpid()), url: settings.url, version: settings.version,
            startedAt: startedAt)
    }

    private static var host: String {
        var name = [CChar](repeating: 0, count: 256)
        guard gethostname(&name, name.count - 1) == 0 else { return "unknown" }
        return String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    /// The server stops: it should get no new requests.
    nonisolated var isStopping: Bool { stopping.withLockedValue { $0 } }
    nonisolated func noteStopping() { stopping.withLockedValue { $0 = true } }

    /// The others may not take this server for gone.
    var isSeen: Bool { renewed.map { .now - $0 < journal.serverLife } ?? true }

    /// Writes that the server is there.
    /// - Returns: whether what servers had claimed that are gone is free now.
    @discardableResult
    func renew() async -> Bool {
        let began = ContinuousClock.now
        do {
            let isFreed = try await journal.note(record)
            renewed = began
            isFailing = false
            metrics.set("viridian_servers", Double(try await journal.servers().count { !$0.isGone }))
            return isFreed
        } catch {
            if !isFailing, !Task.isCancelled {
                logger.error(
                    "the server cannot write to the journal that it is there",
                    metadata: ["error": "\("\(error)".safe)"])
            }
            isFailing = true
            return false
        }
    }

    /// Renews until cancelled; then the server is not listed any more, and what it has claimed is free.
    func run(onFreed: @Sendable () async -> Void) async {
        while !Task.isCancelled {
            if await renew() { await onFreed() }
            try? await Task.sleep(for: Journal.serverRenewal)
        }
        do {
            try await journal.forget(server: id)
        } catch {
            logger.warning(
                "the other servers take this one for gone only after a while",
                metadata: ["error": "\("\(error)".safe)"])
        }
    }
}
