import ArgumentParser
import Glibc
import Synchronization

/// Whether all that was printed has arrived.
enum StandardOutput {
    private static let failure = Mutex<Int32?>(nil)

    /// A write has failed, with this `errno`. That a pipe's reader has gone is none: it has read what it wanted.
    static func hasFailed(_ error: Int32) {
        guard error != EPIPE else { return }
        failure.withLock { $0 = $0 ?? error }
    }

    /// Why something of what was printed is lost; `nil` when nothing is.
    static var problem: String? {
        failure.withLock { $0 }.map {
            let why = $0 == EBADF ? "it is closed" : String(cString: strerror($0))
            return "standard output cannot be written: \(why): what was printed is not complete"
        }
    }

    /// The end of a command that is no `Verb` and only prints.
    static func check() throws {
        guard let problem else { return }
        printError("viridian: \(problem)")
        throw ExitCode(ExitStatus.couldNot.rawValue)
    }

    /// Puts something in the place of standard streams that are closed: the next file that is opened, such as the journal, would be taken
    /// for them. Writing to standard output then fails, as it did.
    static func occupyClosedStreams() {
        for descriptor in STDIN_FILENO...STDERR_FILENO where fcntl(descriptor, F_GETFD) < 0 {
            _ = open("/dev/null", descriptor == STDERR_FILENO ? O_WRONLY : O_RDONLY)
        }
    }

    /// Whether it is a stream that the program was started with: these stay open across `exec`, and what it opens itself does not. Before
    /// any code of it runs, the runtime has opened files of its own (eventfd, epoll), in the place of streams that are closed.
    static func isInherited(_ descriptor: Int32) -> Bool {
        let flags = fcntl(descriptor, F_GETFD)
        return flags >= 0 && flags & FD_CLOEXEC == 0
    }

    /// Verbs whose status tells what they have done, also where nobody could read of it. Of the others what they print is the result.
    static func isResult(of verb: any Verb.Type) -> Bool { !acting.contains { $0 == verb } }

    private static let acting: [any Verb.Type] = [
        DeployCommand.self, PromoteCommand.self, AbortCommand.self, RollbackCommand.self, RepairCommand.self,
        LockCommand.self, UnlockCommand.self, ServeCommand.self, DemoCommand.self, SandboxCommand.self,
        TokenRevokeCommand.self, NotifyResendCommand.self, JournalBackupCommand.self, JournalRestoreCommand.self,
        JournalCopyCommand.self, JournalPruneCommand.self, JournalAcceptCommand.self,
    ]
}
