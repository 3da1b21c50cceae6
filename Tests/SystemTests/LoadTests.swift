import Foundation
import HTTPTransport
import Processes
import Testing

extension Releases {
    /// Many releases in a row under load, without an effect on visitors.
    @Suite struct LoadTests {
        @Test("thirty releases in a row: requests with new connections have no error")
        func connectionARequest() async throws {
            try await withWorld(.init(drain: "{least: 0s, most: 10s}")) { world in
                try await world.release("v0")
                let reports = try await world.underWrk {
                    for number in 1...30 { try await world.release("v\(number)") }
                }
                #expect(reports.count == 2)
                for report in reports {
                    let requests = report.firstMatch(of: /([0-9]+) requests in/).flatMap { Int($0.1) } ?? 0
                    #expect(requests > 1_000, "\(report)")
                    #expect(!report.contains("Socket errors"), "\(report)")
                    #expect(!report.contains("Non-2xx"), "\(report)")
                }
                try await world.expectLive("v30", on: "blue", release: 31)
            }
        }

        @Test("ten releases in a row: requests on kept connections succeed, at most after one retry")
        func keptConnections() async throws {
            try await withWorld(.init(drain: "{least: 200ms, most: 10s}")) { world in
                try await world.release("v0")
                let tally = try await world.underKeptConnections {
                    for number in 1...10 { try await world.release("v\(number)") }
                }
                #expect(tally.sent > 300, "\(tally)")
                #expect(tally.failures.isEmpty, "\(tally)")
                try await world.expectLive("v10", on: "blue", release: 11)
            }
        }
    }
}

extension World {
    /// Runs `body` while wrk loads every node, with a new connection for each request; returns wrk's reports.
    func underWrk(_ body: @escaping @Sendable () async throws -> Void) async throws -> [String] {
        // A few hundred requests a second for each node: enough to hit every instant, while the releases still get enough of the machine.
        try write("function delay() return 8 end\n", to: "delay.lua")
        return try await withThrowingTaskGroup(of: String?.self) { group in
            defer { group.cancelAll() }
            let started = Started()
            for site in sites {
                let command = Command(
                    "wrk",
                    ["-t1", "-c3", "-d600s", "-s", directory + "/delay.lua", "-H", "Connection: close", site + "/"]
                )
                group.addTask {
                    try await command.run(deadline: .seconds(170), onStart: { await started.add($0) }).output
                }
            }
            try await body()
            for process in await started.processes { kill(process, SIGINT) }
            var reports: [String] = []
            for try await report in group { if let report { reports.append(report) } }
            return reports
        }
    }

    /// Runs `body` while visitors send requests on one connection each. A failed request is retried once on a new connection.
    fileprivate func underKeptConnections(_ body: @escaping @Sendable () async throws -> Void) async throws -> Watched {
        let tally = Tally()
        try await withThrowingTaskGroup(of: Void.self) { group in
            defer { group.cancelAll() }
            for site in sites + sites {
                group.addTask {
                    let kept = try HTTPConnection(baseURL: site, connectionLimit: 1)
                    while !Task.isCancelled {
                        await tally.visit(site, kept)
                        try? await Task.sleep(for: .milliseconds(8))
                    }
                    await kept.shutdown()
                }
            }
            try await body()
        }
        return await tally.watched
    }
}

private actor Started {
    private(set) var processes: [Int32] = []
    func add(_ process: Int32) { processes.append(process) }
}

private actor Tally {
    private(set) var watched = Watched()

    nonisolated func visit(_ site: String, _ kept: HTTPConnection) async {
        do {
            let first = try await kept.send(.init("GET", "/", deadline: .seconds(10)))
            return await count(first.isSuccess ? nil : "\(site): status \(first.status)", retried: false)
        } catch {
            if Task.isCancelled { return }
        }
        do {
            let answer = try await fetch(site)
            await count(answer.hasPrefix("v") ? nil : "\(site): \(answer) on a new connection", retried: true)
        } catch {
            if !Task.isCancelled { await count("\(site): \(error) on a new connection", retried: true) }
        }
    }

    private func count(_ failure: String?, retried: Bool) {
        watched.sent += 1
        watched.retried += retried ? 1 : 0
        if let failure { watched.failures.append(failure) }
    }
}
