import Foundation
import Glibc
import Testing

@testable import Workloads

@Suite("The holder of a lease")
struct LeaseHolderTests {
    private let me = LeaseHolder.current()

    private func other(_ change: (inout LeaseHolder) -> Void) -> LeaseHolder {
        var holder = me
        change(&holder)
        return holder
    }

    @Test("the identity in a lease describes the process")
    func identity() throws {
        let holder = LeaseHolder(
            user: "deploy", host: "ci-3", process: 4711, start: "88231", boot: "0d1c9f1e-4026531836")
        #expect(holder.identity == "deploy@ci-3:4711:88231:0d1c9f1e-4026531836")
        #expect(LeaseHolder(identity: holder.identity) == holder)
        #expect(holder.text == "deploy@ci-3 (process 4711)")
        #expect(LeaseHolder(identity: me.identity) == me)
    }

    @Test("a container's process may have no user name")
    func noUser() {
        #expect(LeaseHolder(identity: "@ci-3:4711:88231:0d1c")?.host == "ci-3")
    }

    @Test(
        "an identity of another program is not parsed",
        arguments: [
            "", "kube-controller-manager_8a1f", "deploy@ci-3", "deploy@ci-3:x:1:2", "ci-3:1:2:3", "a@b:1:2:3:4",
        ])
    func foreign(_ identity: String) {
        #expect(LeaseHolder(identity: identity) == nil)
    }

    @Test("this process is alive, and its identity contains the boot and the process namespace")
    func alive() throws {
        #expect(!me.isDead(seenFrom: me))
        #expect(me.process == ProcessInfo.processInfo.processIdentifier)
        #expect(me.start != "0")
        let parts = me.boot.split(separator: "-")
        #expect(parts.count == 2)
        #expect(parts.allSatisfy { !$0.isEmpty })
    }

    @Test("a process that does not exist is dead, and a later one with its number is another")
    func dead() {
        // Above Linux's highest process number (proc(5): pid_max).
        #expect(other { $0.process = 4_194_305 }.isDead(seenFrom: me))
        #expect(other { $0.start = "1" }.isDead(seenFrom: me))
        #expect(other { $0.user = "ben" }.isDead(seenFrom: me) == false)
    }

    @Test("processes of other machines, boots and process namespaces are never considered dead")
    func elsewhere() {
        #expect(!other { ($0.process, $0.host) = (4_194_305, "ci-4") }.isDead(seenFrom: me))
        #expect(!other { ($0.process, $0.boot) = (4_194_305, "00000000-4026531836") }.isDead(seenFrom: me))
    }

    @Test("a process that has ended is dead, even before its parent has waited for it")
    func ended() throws {
        var process: pid_t = 0
        var arguments: [UnsafeMutablePointer<CChar>?] = [strdup("sleep"), strdup("1000"), nil]
        defer { for argument in arguments { free(argument) } }
        try #require(posix_spawnp(&process, "sleep", nil, nil, &arguments, nil) == 0)
        let stat = try String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8)
        let fields = stat[(stat.lastIndex(of: ")") ?? stat.startIndex)...].split(separator: " ")
        let holder = other { ($0.process, $0.start) = (process, String(fields[20])) }
        #expect(!holder.isDead(seenFrom: me))
        kill(process, SIGKILL)
        var ending = siginfo_t()
        #expect(waitid(P_PID, id_t(process), &ending, WEXITED | WNOWAIT) == 0)
        #expect(holder.isDead(seenFrom: me))
        #expect(waitpid(process, nil, 0) == process)
        #expect(holder.isDead(seenFrom: me))
    }
}
