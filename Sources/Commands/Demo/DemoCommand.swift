import ArgumentParser
import Controller
import Foundation
import ReleaseMachine
import ViridianConfiguration

struct DemoCommand: Verb {
    static let configuration = CommandConfiguration(
        commandName: "demo",
        abstract: "Run the whole system on this machine, without any setup: release v1, then v2 under load.",
        discussion: """
            Starts an embedded cluster whose pods are processes, real nginx nodes, a sample app, the server with its pages, and a load \
            generator that counts every request. Afterwards everything stays up until Ctrl-C.
            """
    )

    @Flag(help: "Stop when done. Exit status 0 only if v2 is live and no request failed.") var exit = false
    @Option(help: "Number of nginx nodes.") var nodes: Int = 2
    @Option(help: "The port of the pages; the nodes use the following ports. 0: free ones.") var port: Int =
        8080

    func validate() throws {
        guard (1...50).contains(nodes) else { throw ValidationError("--nodes takes a number from 1 to 50") }
        guard (0...65535).contains(port) else { throw ValidationError("--port takes a number from 0 to 65535") }
    }

    func perform() async throws -> ExitStatus {
        printLine("Starting an embedded cluster and \(nodes) nginx nodes")
        // With --exit there are no pages, and the nodes listen from `port` on.
        return try await DemoEnvironment.with(nodes: nodes, firstPort: port, withPages: !exit) { demo in
            try await DemoServer.with(demo) { try await play(in: demo) }
        }
    }

    private func play(in demo: DemoEnvironment) async throws -> ExitStatus {
        for (index, site) in demo.sites.enumerated() { printLine("  node-\(index + 1) answers on \(site)") }
        let first = try await deploy("v1", demo)
        guard first.state == .live else { return report(nil, first, LoadGenerator.Tally()) }

        let load = LoadGenerator(sites: demo.sites)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            defer { group.cancelAll() }
            group.addTask { await load.run() }
            printLine("Starting the load: every request is a new connection")
            let second = try await deploy("v2", demo)
            if exit {
                group.cancelAll()
                try await group.waitForAll()
                return report(first, second, await load.tally)
            }
            _ = report(first, second, await load.tally)
            printInvitation(demo)
            // Less load from here on, so that the machine stays responsive.
            group.cancelAll()
            try await group.waitForAll()
            let later = LoadGenerator(sites: demo.sites, visitorsPerSite: 1, pause: .milliseconds(100))
            // Runs until Ctrl-C.
            await later.run()
            let tally = await later.tally
            printLine("")
            printLine("\(tally.sent) more requests sent, \(tally.failed) failed")
            for failure in tally.failures { printLine("  \(failure.safe)") }
            return .done
        }
    }

    private func deploy(_ version: String, _ demo: DemoEnvironment) async throws -> Release {
        try await Installation.open(config: demo.configurationFile, connecting: true) { installation in
            let releases = try installation.releases("blog")
            let request = AppReleases.Request(version: try Version(version), by: caller())
            _ = try await ReleaseFollower(output: .text).run { observe in
                try await releases.deploy(request, until: .whenEnded, observe: observe)
            }
            guard let release = try await releases.latest() else { throw Refusal("the release is not in the journal") }
            return release
        }
    }

    private func report(_ first: Release?, _ second: Release, _ tally: LoadGenerator.Tally) -> ExitStatus {
        printLine("")
        printLine("requests  \(tally.sent) sent, \(tally.failed) failed")
        for failure in tally.failures { printLine("          \(failure.safe)") }
        let answers = tally.versions.sorted { $0.key < $1.key }.map { "\($0.key) answered \($0.value) requests" }
        if !answers.isEmpty { printLine("          \(answers.joined(separator: ", "))") }
        if let switched = second.timeToSwitch {
            printLine(
                "switch    \(switched.milliseconds) ms from the last pod's readiness to the last node's verified switch"
            )
        }
        printLine(
            "overhead  \(second.overhead.milliseconds) ms: all phases except starting, verifying, draining and retiring"
        )
        printLine("before    \(second.previous.map { "\($0.version) on \($0.color)" } ?? "nothing")")
        let serving = second.state == .live ? second.candidate.map { "\(second.order.version) on \($0)" } : nil
        printLine("after     \(serving ?? second.previous.map { "\($0.version) on \($0.color)" } ?? "nothing")")
        guard first?.state == .live, second.state == .live, second.order.version == "v2" else { return .failed }
        return tally.failed == 0 && tally.sent > 0 ? Outcome(second).exitStatus : .couldNot
    }

    private func printInvitation(_ demo: DemoEnvironment) {
        let invitation = DemoInvitation(demo, program: CommandLine.arguments[0])
        for line in invitation.lines { printLine(String(line)) }
    }
}

extension Release {
    /// The time from the last pod's readiness to the last node's verified switch.
    var timeToSwitch: Duration? {
        guard let ready = spans.first(where: { $0.phase == .starting })?.endedAt,
            let switched = spans.first(where: { $0.phase == .switching })?.endedAt
        else { return nil }
        return switched - ready
    }

    /// The time of all phases except those that wait for pods, people or connections.
    var overhead: Duration {
        let waiting: Set<Phase> = [.starting, .verifying, .draining, .retiring, .done]
        return spans.filter { !waiting.contains($0.phase) }
            .reduce(.zero) { $0 + (($1.endedAt ?? updatedAt) - $1.startedAt) }
    }
}
