import Fleet
import Foundation
import Nginx
import Processes
import Testing

/// Truncates the input to the node, or the output from it.
struct CuttingTransport: NodeTransport {
    /// The number of bytes to cut from the end of a switch's input.
    var losesInput = 0
    var dropFrom: String?

    func run(
        arguments: [String],
        payload: NodePayload,
        on node: Node,
        sudo: Bool,
        deadline: Duration,
        onLine: @escaping @Sendable (OutputLine) async -> Void
    ) async throws -> Termination {
        let input = NodeScript.input(payload: payload)
        let kept =
            arguments.first == "switch" ? String(decoding: input.utf8.dropLast(losesInput), as: UTF8.self) : input
        let drop = Flag()
        let shell = Command("sh", ["-s", "--"] + arguments, input: kept)
        let onLine: @Sendable (OutputLine) async -> Void = { line in
            if let dropFrom, line.text.hasPrefix(dropFrom) { await drop.set() }
            if await !drop.isSet { await onLine(line) }
        }
        return try await shell.run(deadline: deadline, onLine: onLine).termination
    }
}

/// Some nodes that never answer.
struct FrozenTransport: NodeTransport {
    var frozen: Set<String>

    func run(
        arguments: [String],
        payload: NodePayload,
        on node: Node,
        sudo: Bool,
        deadline: Duration,
        onLine: @escaping @Sendable (OutputLine) async -> Void
    ) async throws -> Termination {
        guard frozen.contains(node.address) else {
            return try await LocalTransport()
                .run(arguments: arguments, payload: payload, on: node, sudo: sudo, deadline: deadline, onLine: onLine)
        }
        return try await Command("sleep", ["1000"]).run(deadline: deadline, grace: .milliseconds(100)).termination
    }
}

/// Some nodes that never answer: their deadline comes when all of them wait at the same time.
struct MeetingTransport: NodeTransport {
    private actor Meeting {
        private var missing: Int

        init(_ count: Int) { missing = count }

        func join() async throws {
            missing -= 1
            while missing > 0 { try await Task.sleep(for: .milliseconds(5)) }
        }
    }

    let frozen: Set<String>
    private let meeting: Meeting

    init(frozen: [String]) {
        self.frozen = Set(frozen)
        meeting = Meeting(frozen.count)
    }

    func run(
        arguments: [String],
        payload: NodePayload,
        on node: Node,
        sudo: Bool,
        deadline: Duration,
        onLine: @escaping @Sendable (OutputLine) async -> Void
    ) async throws -> Termination {
        guard frozen.contains(node.address) else {
            return try await LocalTransport()
                .run(arguments: arguments, payload: payload, on: node, sudo: sudo, deadline: deadline, onLine: onLine)
        }
        try await meeting.join()
        return .deadlineExceeded
    }
}

@Suite(.timeLimit(.minutes(10))) struct ConversationTests {
    @Test("an installed node script of another version is reported with the fix")
    func earlier() async throws {
        let node = LocalTransport(shell: ["sh", "-c", #"printf 'viridian-node=1\ndone=read\n'"#])
        let fleet = Fleet(inventory: try StaticInventory(["web-1"]), transport: node, settings: NodeSettings())
        let failure = try await fleet.read(blog)[0].failure
        let words = "viridian-node has version 1, but this program needs \(NodeScript.version): install"
        #expect(failure?.description.contains(words) == true)
    }

    @Test("a truncated switch command is executed completely or not at all")
    func cutInput() async throws {
        try await withSite { site in
            let whole = try site.fleet()
            var refused = 0
            for lost in [
                1, 5, 9, 10, 11, 12, 14, 15, 16, 30, 60, 90, 110, 120, 125, 130, 135, 140, 150, 500, 5000, 10_000,
                100_000,
            ] {
                let fleet = try site.fleet(CuttingTransport(losesInput: lost))
                // The file is cached, so that a truncated command would be accepted if the truncation were not detected.
                #expect(try await site.onlyReport(fleet).livePort == site.blue)
                do {
                    _ = try await fleet.switch(site.upstream, on: site.node, to: site.green, token: 1)
                    #expect(try site.text() == site.article(live: "green"), "\(lost)")
                    #expect(try await site.answer() == "green", "\(lost)")
                    _ = try await whole.switch(site.upstream, on: site.node, to: site.blue, token: 1)
                } catch let failure as NodeFailure {
                    refused += 1
                    #expect(failure.isUnreachable, "\(lost): \(failure)")
                    #expect(try site.text() == site.article(), "\(lost)")
                }
            }
            #expect(refused >= 18)
        }
    }

    @Test("truncated output is a failure", arguments: ["path", "reloaded", "verified", "done"])
    func cutAnswer(at key: String) async throws {
        try await withSite { site in
            let fleet = try site.fleet(CuttingTransport(dropFrom: key))
            let failure = await #expect(throws: NodeFailure.self) {
                try await fleet.switch(site.upstream, on: site.node, to: site.green, token: 1)
            }
            guard case .cutOff = failure?.reason else {
                Issue.record("\(String(describing: failure))")
                return
            }
            // The result is unknown until the next reading.
            let report = try await site.onlyReport(try site.fleet())
            #expect(report.loaded == .yes && report.livePort != nil)
        }
    }

    @Test("frozen nodes do not delay other nodes")
    func frozen() async throws {
        try await withSite { site in
            let frozen = (1...6).map { "frozen-\($0)" }
            var settings = site.settings
            settings.timeout = .seconds(600)
            let fleet = Fleet(
                inventory: try StaticInventory(["127.0.0.1"] + frozen),
                transport: MeetingTransport(frozen: frozen),
                settings: settings,
                parallel: 1
            )
            let readings = try await fleet.read(site.upstream)
            #expect(readings.map(\.node.address) == ["127.0.0.1"] + frozen)
            #expect(readings[0].report?.livePort == site.blue)
            for reading in readings.dropFirst() {
                #expect(reading.failure?.reason == .timedOut(after: .seconds(600)))
                #expect(reading.failure?.isUnreachable == true)
            }
        }
    }

    @Test("a cancelled reading ends immediately, with its processes")
    func cancellation() async throws {
        var settings = NodeSettings()
        // Without cancellation it would take longer than the test may.
        settings.timeout = .seconds(900)
        let fleet = Fleet(
            inventory: try StaticInventory(["frozen-1"]),
            transport: FrozenTransport(frozen: ["frozen-1"]),
            settings: settings
        )
        let upstream = Upstream(app: "blog", name: "blogLB", bluePort: 30000, greenPort: 30001)
        await withTaskGroup(of: Void.self) { group in
            group.addTask { _ = try? await fleet.read(upstream) }
            group.cancelAll()
        }
    }

    @Test("a missing shell makes the node unreachable")
    func noShell() async throws {
        let fleet = Fleet(
            inventory: try StaticInventory(["127.0.0.1"]),
            transport: LocalTransport(shell: ["/no/such/sh"]),
            settings: NodeSettings()
        )
        let upstream = Upstream(app: "blog", name: "blogLB", bluePort: 30000, greenPort: 30001)
        let reading = try #require(try await fleet.read(upstream).first)
        #expect(reading.failure?.reason == .unreachable(why: "/no/such/sh: no such program"))
    }

    @Test(
        "an app's name never leads out of the directory", arguments: ["../blog", "", "a/b", ".hidden", "a b", "$(id)"])
    func names(app: String) async throws {
        try await withDirectory { directory in
            let fleet = Fleet(
                inventory: try StaticInventory(["127.0.0.1"]),
                transport: LocalTransport(),
                settings: NodeSettings(backends: directory, test: "true", reload: "true")
            )
            let upstream = Upstream(app: app, name: "blogLB", bluePort: 30000, greenPort: 30001)
            let reading = try #require(try await fleet.read(upstream).first)
            #expect(
                reading.failure?.reason == .invalidOutput(problem: "its node script does not support \"app=\(app)\""))
        }
    }

    @Test("{node} in the settings is the node's address")
    func perNodeSettings() async throws {
        try await withDirectory { directory in
            for name in ["a", "b"] {
                let path = directory + "/" + name
                try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
                let text =
                    "upstream blogLB { server 127.0.0.1:30000\(name == "a" ? "" : " down"); server 127.0.0.1:30001; }"
                try Data(text.utf8).write(to: URL(fileURLWithPath: path + "/blog.conf"))
            }
            let fleet = Fleet(
                inventory: try StaticInventory(["a", "b"]),
                transport: LocalTransport(),
                settings: NodeSettings(backends: directory + "/{node}", test: "true", pid: "/none/{node}")
            )
            let upstream = Upstream(app: "blog", name: "blogLB", bluePort: 30000, greenPort: 30001)
            let readings = try await fleet.read(upstream)
            #expect(readings.map { $0.report?.routing } == [.both, .only(30001)])
            #expect(readings.allSatisfy { $0.report?.master == nil && $0.report?.loaded == .unknown })
            let failure = await #expect(throws: NodeFailure.self) {
                try await fleet.switch(upstream, on: Node("a"), to: 30000, token: 1)
            }
            #expect(failure?.reason == .notRunning)
        }
    }

    @Test("an inventory that is empty, or has duplicates or invalid addresses, is refused")
    func inventories() {
        #expect(throws: InventoryError.empty) { try StaticInventory([]) }
        #expect(throws: InventoryError.duplicate(address: "10.122.43.70")) {
            try StaticInventory(["10.122.43.70", "10.122.41.136", "10.122.43.70"])
        }
        for address in ["", "-oProxyCommand=x", "a b", "$(id)", "a;b", "é", String(repeating: "a", count: 300)] {
            #expect(throws: InventoryError.badAddress(address)) { try StaticInventory([address]) }
        }
    }
}
