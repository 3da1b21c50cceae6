import Glibc
import ReleaseMachine

/// Ends a poll(2) of another thread: a pipe from which something can be read once it was called.
package final class WakeUp: Sendable {
    /// What is polled for input; negative where there is no descriptor left, and then nobody is woken.
    package let descriptor: Int32
    private let input: Int32

    package init() {
        var ends: [Int32] = [-1, -1]
        _ = pipe(&ends)
        for end in ends where end >= 0 {
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
        }
        (descriptor, input) = (ends[0], ends[1])
    }

    deinit { for end in [descriptor, input] where end >= 0 { close(end) } }

    package func callAsFunction() {
        guard input >= 0 else { return }
        _ = Glibc.write(input, "x", 1)
    }
}

extension Duration {
    /// As poll(2) and PostgreSQL's settings take it.
    package var wholeMilliseconds: Int32 { Int32(clamping: milliseconds) }
}
