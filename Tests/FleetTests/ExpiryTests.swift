import Fleet
import Foundation
import Glibc
import Nginx
import Processes
import Testing

@Suite struct ExpiryTests {
    /// A command to switch to green that has been sent but has not arrived.
    private func heldOrder(_ site: Site, timeout: Duration) async throws -> HeldOrders.Order {
        let transport = HoldingTransport()
        let fleet = try site.fleet(transport) { $0.timeout = timeout }
        _ = try await site.onlyReport(fleet)
        let failure = await #expect(throws: NodeFailure.self) {
            try await fleet.switch(site.upstream, on: site.node, to: site.green, token: 1)
        }
        #expect(failure?.reason == .timedOut(after: timeout))
        return try #require(await transport.held.orders.first)
    }

    @Test("a command that is delayed beyond its deadline changes nothing", arguments: shells)
    func stopped(shell: [String]) async throws {
        try await withSite { site in
            let order = try await heldOrder(site, timeout: .seconds(30))
            // Its deadline is now, and not when the machine was fast enough to read the node.
            let (until, boot) = (try uptime(), try order.boot)
            let arguments = order.arguments.map { $0.hasPrefix("until=") ? "until=\(until)@\(boot)" : $0 }
            let before = try await site.onlyReport(try site.fleet()).workers
            let script = "kill -STOP $$; exec \"$@\""
            let command = Command(
                "sh", ["-c", script, "sh"] + shell + ["-s", "--"] + arguments,
                input: NodeScript.input(payload: order.payload))
            let said = try await command.run(
                deadline: .seconds(600),
                onStart: { process in
                    try? await eventually {
                        let stat = try String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8)
                        return stat.contains(") T ")
                    }
                    try? await eventually { try uptime() > until }
                    kill(pid_t(process), SIGCONT)
                }
            ).output
            #expect(said.contains("\nexpired=late\n") && said.hasSuffix("done=switch\n"), "\(said)")
            #expect(try site.text() == site.article())
            #expect(try await site.onlyReport(try site.fleet()).workers == before)
            #expect(try await site.answer() == "blue")
        }
    }

    @Test("a command whose deadline passes during nginx's test is reverted before the reload")
    func lateReload() async throws {
        try await withSite { site in
            let order = try await heldOrder(site, timeout: .seconds(20))
            let before = try await site.onlyReport(try site.fleet()).workers
            // Delays nginx's test until the command's deadline has passed.
            let test =
                "while read up rest </proc/uptime && [ ${up%.*}${up#*.} -le \(try order.until + 1) ]; do sleep 0.05; done"
            let arguments = order.arguments.map { $0.hasPrefix("test=") ? "test=\(test)" : $0 }
            let completed = try await Command(
                "sh", ["-s", "--"] + arguments, input: NodeScript.input(payload: order.payload)
            ).run(deadline: .seconds(600))
            #expect(completed.output.contains("\nexpired=late\n"), "\(completed.output)")
            #expect(completed.output.contains("\nputback=yes\n"))
            #expect(!completed.output.contains("reloaded="))
            #expect(try site.text() == site.article())
            #expect(try await site.onlyReport(try site.fleet()).workers == before)
        }
    }

    @Test("a command from before a reboot is refused")
    func otherBoot() async throws {
        try await withSite { site in
            let order = try await heldOrder(site, timeout: .seconds(30))
            let until = "until=\(try order.until)@00000000-0000-0000-0000-000000000000"
            let arguments = order.arguments.map { $0.hasPrefix("until=") ? until : $0 }
            let completed = try await Command(
                "sh", ["-s", "--"] + arguments, input: NodeScript.input(payload: order.payload)
            ).run(deadline: .seconds(600))
            #expect(completed.output.contains("\nexpired=reboot\n"), "\(completed.output)")
            #expect(try site.text() == site.article())
        }
    }

    @Test("a command's deadline lies between its sending and the end of the wait for it")
    func bound() async throws {
        try await withSite { site in
            let before = try uptime()
            let order = try await heldOrder(site, timeout: .seconds(30))
            let after = try uptime()
            #expect(try (before + 3000...after + 3000).contains(order.until))
        }
    }
}
