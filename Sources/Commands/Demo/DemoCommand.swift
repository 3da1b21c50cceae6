import ArgumentParser
import Controller
import Foundation
import ReleaseMachine
import ViridianConfiguration

struct DemoCommand: Verb {
    static let configuration = CommandConfiguration(
        commandName: "demo",
        abstract: "The whole system on this machine, with nothing set up: releases v1, then v2 under load.",
        discussion: """
            An embedded cluster whose pods are processes, real nginx nodes, a sample app, the server with its pages, and visitors \
            whose every request counts. Afterwards it stays up to be played with, until Ctrl-C.
            """
    )

    @Flag(help: "Stop when done: status 0 only if v2 is live and no request failed.") var exit = false
    @Option(help: "How many nginx nodes.") var nodes: Int = 2
    @Option(help: "The port of the pages; the nodes listen from the next one on. 0 takes free ones.") var port: Int =
        8080

    func validate() throws {
        guard (1...50).contains(nodes) else { throw ValidationError("--nodes takes a number from 1 to 50") }
        guard (0...65535).contains(port) else { throw ValidationError("--port takes a number from 0 to 65535") }
    }

    func perform() async throws -> ExitStatus {
        say("Starting an embedded cluster and \(nodes) nginx nodes")
        // Without anybody to look at them there are no pages, and the nodes listen from `port` on.
        return try await DemoWorld.with(nodes: nodes, firstPort: port, withPages: !exit) { world in
            try await DemoPages.with(world) { try await play(in: world) }
        }
    }

    private func play(in world: DemoWorld) async throws -> ExitStatus {
        for (index, site) in world.sites.enumerated() { say("  node-\(index + 1) answers on \(site)") }
        let first = try await deploy("v1", world)
        guard first.state == .live else { return report(nil, first, Load.Tally()) }

        let load = Load(sites: world.sites)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            defer { group.cancelAll() }
            group.addTask { await load.run() }
            say("Visitors begin to come: every request is a new connection")
            let second = try await deploy("v2", world)
            if exit {
                group.cancelAll()
                try await group.waitForAll()
                return report(first, second, await load.tally)
            }
            _ = report(first, second, await load.tally)
            invite(world)
            // From here on few visitors, so that the machine is left to whoever plays with it.
            group.cancelAll()
            try await group.waitForAll()
            let later = Load(sites: world.sites, visitorsPerSite: 1, pause: .milliseconds(100))
            // Ctrl-C is how this ends.
            await later.run()
            let tally = await later.tally
            say("")
            say("\(tally.sent) more requests sent, \(tally.failed) failed")
            for failure in tally.failures { say("  \(failure.safe)") }
            return .done
        }
    }

    private func deploy(_ version: String, _ world: DemoWorld) async throws -> Release {
        try await Installation.open(config: world.configurationFile, reachingOut: true) { installation in
            let releases = try installation.releases("blog")
            let request = AppReleases.Request(version: try Version(version), by: caller())
            _ = try await Follower(output: .text).run { observe in
                try await releases.deploy(request, until: .whenEnded, observe: observe)
            }
            guard let release = try releases.latest() else { throw Refusal("the release left no trace") }
            return release
        }
    }

    private func report(_ first: Release?, _ second: Release, _ tally: Load.Tally) -> ExitStatus {
        say("")
        say("requests  \(tally.sent) sent, \(tally.failed) failed")
        for failure in tally.failures { say("          \(failure.safe)") }
        let answers = tally.versions.sorted { $0.key < $1.key }.map { "\($0.key) gave \($0.value) answers" }
        if !answers.isEmpty { say("          \(answers.joined(separator: ", "))") }
        if let switched = second.timeToSwitch {
            say(
                "switch    \(switched.milliseconds) ms from the last pod's readiness to the last node's verified switch"
            )
        }
        say("overhead  \(second.overhead.milliseconds) ms: all but pods starting, draining, and pods ending")
        say("before    \(second.previous.map { "\($0.version) on \($0.color)" } ?? "nothing")")
        let serving = second.state == .live ? second.candidate.map { "\(second.order.version) on \($0)" } : nil
        say("after     \(serving ?? second.previous.map { "\($0.version) on \($0.color)" } ?? "nothing")")
        guard first?.state == .live, second.state == .live, second.order.version == "v2" else { return .failed }
        return tally.failed == 0 && tally.sent > 0 ? Outcome(second).exitStatus : .couldNot
    }

    private func invite(_ world: DemoWorld) {
        let program = CommandLine.arguments[0]
        let invitation = """

            It stays up. On the page: release a version, pause it, promote, abort, roll back.
            \(world.sites[0])/ tells which pod answers; reload it to see others.
            In another terminal:
              export VIRIDIAN_CONFIG=\(world.configurationFile)
              \(program) status
              \(program) deploy blog --version v3
              \(program) deploy blog --version v4 --verify    (try it at http://\(world.preview)/, then promote or abort)
              \(program) deploy blog --version crash       (its pods crash)
              \(program) deploy blog --version missing     (no such image)
              \(program) rollback blog
              KUBECONFIG=\(world.directory)/kubeconfig kubectl -n blog get pods
            Ctrl-C ends it and leaves nothing behind.
            """
        for line in invitation.split(separator: "\n", omittingEmptySubsequences: false) { say(String(line)) }
    }
}

extension Release {
    /// From the moment that the last pod was ready to the last node's verified switch.
    var timeToSwitch: Duration? {
        guard let ready = spans.first(where: { $0.phase == .starting })?.endedAt,
            let switched = spans.first(where: { $0.phase == .switching })?.endedAt
        else { return nil }
        return switched - ready
    }

    /// What the tool itself takes: all phases but those that wait for pods or for visitors.
    var overhead: Duration {
        let waiting: Set<Phase> = [.starting, .verifying, .draining, .retiring, .done]
        return spans.filter { !waiting.contains($0.phase) }
            .reduce(.zero) { $0 + (($1.endedAt ?? updatedAt) - $1.startedAt) }
    }
}
