import Foundation
import Glibc

/// A process that sends the journal's messages, for as long as it exists. Each holds a lock on a file beside the journal, which the kernel
/// releases however the process ends (flock(2)).
package final class JournalSender: Sendable {
    /// No other process was sending when this one began: attempts that have begun and not ended are those of a process that died.
    package let isAlone: Bool
    private let descriptor: Int32

    package init(_ journal: Journal) {
        guard let lock = journal.database.senderLock else {
            // Another machine may be sending.
            (descriptor, isAlone) = (-1, false)
            return
        }
        // Not inherited by child processes, which may live longer.
        descriptor = Glibc.open(lock, O_CREAT | O_RDWR | O_CLOEXEC, 0o600)
        isAlone = descriptor >= 0 && flock(descriptor, LOCK_EX | LOCK_NB) == 0
        // Others are not kept from sending; they see only that they are not alone.
        if descriptor >= 0 { _ = flock(descriptor, LOCK_SH) }
    }

    deinit { if descriptor >= 0 { close(descriptor) } }
}
