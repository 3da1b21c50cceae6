import Foundation

/// A process as the holder of a lease, identified so that another process on the same machine can check whether it is alive.
///
/// Written as `user@host:pid:start:boot`. `start` is field 22 of /proc/PID/stat (proc(5)), which distinguishes processes that had the
/// same number one after the other. `boot` is the start of the kernel's boot id and the process namespace (pid_namespaces(7)), which
/// distinguishes processes with the same number in different containers.
package struct LeaseHolder: Sendable, Hashable {
    package var user: String
    package var host: String
    package var process: Int32
    package var start: String
    package var boot: String

    package init(user: String, host: String, process: Int32, start: String, boot: String) {
        self.user = user
        self.host = host
        self.process = process
        self.start = start
        self.boot = boot
    }

    /// This process.
    package static func current() -> LeaseHolder {
        let process = ProcessInfo.processInfo.processIdentifier
        return LeaseHolder(
            user: NSUserName(),
            host: ProcessInfo.processInfo.hostName,
            process: process,
            start: startTime(of: process) ?? "0",
            boot: bootID()
        )
    }

    init?(identity: String) {
        let parts = identity.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 4, let process = Int32(parts[1]) else { return nil }
        let name = parts[0].split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard name.count == 2 else { return nil }
        self.init(user: name[0], host: name[1], process: process, start: parts[2], boot: parts[3])
    }

    var identity: String { "\(user)@\(host):\(process):\(start):\(boot)" }

    /// For messages: `deploy@ci-3 (process 4711)`.
    package var text: String { "\(user)@\(host) (process \(process))" }

    /// Whether the process ran on `me`'s machine since its boot and has ended. False for processes on other machines.
    func isDead(seenFrom me: LeaseHolder) -> Bool {
        guard host == me.host, boot == me.boot else { return false }
        return LeaseHolder.startTime(of: process) != start
    }

    private static func startTime(of process: Int32) -> String? {
        guard let stat = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8),
            // The name in brackets may contain spaces and brackets: fields are counted after the last bracket.
            let end = stat.lastIndex(of: ")")
        else { return nil }
        let fields = stat[stat.index(after: end)...].split(separator: " ")
        guard fields.count > 19, fields[0] != "Z" else { return nil }
        return String(fields[19])
    }

    private static func bootID() -> String {
        let id = try? String(contentsOfFile: "/proc/sys/kernel/random/boot_id", encoding: .utf8)
        // pid:[4026531836]
        let space = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/ns/pid")
        return (id ?? "unknown").prefix(8) + "-" + (space ?? "").filter(\.isNumber)
    }
}
