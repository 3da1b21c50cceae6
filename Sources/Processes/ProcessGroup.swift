import Glibc
import SystemPackage

/// The process group that a child leads.
///
/// Valid only until the leader is reaped: after that its number may belong to another process.
struct ProcessGroup: Sendable {
    let leader: pid_t

    /// Whether the leader has exited. Its status can still be collected.
    var leaderHasExited: Bool {
        var information = siginfo_t()
        let result = waitid(P_PID, id_t(leader), &information, WEXITED | WNOHANG | WNOWAIT)
        // With WNOHANG, the structure stays zero while the leader runs.
        return result != 0 || information.si_signo == SIGCHLD
    }

    func signal(_ signal: Int32) {
        _ = kill(-leader, signal)
    }

    /// Sends SIGTERM to all, and SIGKILL to those that still run after `grace`. Returns when none is left, or all were killed.
    func end(grace: Duration) async {
        signal(SIGTERM)
        // A stopped process handles SIGTERM only when it continues.
        signal(SIGCONT)
        let clock = ContinuousClock()
        let limit = clock.now + grace
        var pause = Duration.milliseconds(1)
        while clock.now < limit {
            guard hasLivingMembers else { return }
            // The kernel has no event for an empty group, so this polls, less and less often.
            try? await clock.sleep(for: min(pause, clock.now.duration(to: limit)))
            pause = min(pause * 2, .milliseconds(50))
        }
        signal(SIGKILL)
    }

    /// Whether a process of the group runs; zombies do not count. True when `/proc` cannot be read.
    var hasLivingMembers: Bool {
        guard let directory = opendir("/proc") else { return true }
        defer { closedir(directory) }
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            guard let first = name.utf8.first, (0x30...0x39).contains(first) else { continue }
            if let status = Self.status(of: name), status.group == leader, !"ZX".contains(status.state) { return true }
        }
        return false
    }

    /// State and process group of a process: proc_pid_stat(5), fields 3 and 5, after the name in parentheses.
    private static func status(of process: String) -> (state: Character, group: pid_t)? {
        guard let file = try? FileDescriptor.open(FilePath("/proc/\(process)/stat"), .readOnly) else { return nil }
        defer { try? file.close() }
        var bytes = [UInt8](repeating: 0, count: 512)
        guard let count = try? bytes.withUnsafeMutableBytes({ try file.read(into: $0) }) else { return nil }
        let text = String(decoding: bytes.prefix(count), as: UTF8.self)
        guard let name = text.lastIndex(of: ")") else { return nil }
        let fields = text[name...].split(separator: " ")
        guard fields.count > 3, let state = fields[1].first, let group = pid_t(fields[3]) else { return nil }
        return (state, group)
    }
}
