import Controller
import ReleaseMachine
import Testing

@Suite("Release numbers come from outside: none crashes the process")
struct ReleaseNumberTests {
    private let site = Site()
    private static let huge = [Order.highestNumber, 1 << 62, Int.max - 1]

    @Test("a lease with an invalid number refuses the next release before anything is written")
    func lease() async throws {
        _ = try await site.deploy()
        await site.world.setLastRelease(1, unreadable: Refusal("viridian.dev/last-release is no number"))
        #expect(await errorText { try await site.deploy("v2") } == "viridian.dev/last-release is no number")
        #expect(try site.journal.lastNumber(app: "blog") == 1)
        let releases = try site.releases()
        #expect(
            await errorText { try await releases.repair(isDryRun: false) } == "viridian.dev/last-release is no number")
        #expect(await site.world.holder == nil)
    }

    @Test("but a running release can be aborted, or finished", arguments: [true, false])
    func leaseAndOpenRelease(_ aborts: Bool) async throws {
        _ = try await site.deploy(verify: true, until: .whenPaused)
        await site.world.setLastRelease(1, unreadable: Refusal("viridian.dev/last-release is no number"))
        let releases = try site.releases("ben@ci-2")
        let release = try await site.clock.running {
            aborts
                ? try await releases.abort(by: "ben", reason: nil, observe: { _, _ in })
                : try await releases.promote(by: "ben", observe: { _, _ in })
        }
        #expect(release.state == (aborts ? .aborted : .live))
    }

    @Test(
        "a journal with such a number is refused with what to do, and its release can be aborted",
        arguments: huge)
    func journal(_ number: Int) async throws {
        let order = Order(
            app: "blog", number: number, version: Site.version, image: "registry.local:5000/blog:\(Site.version)",
            requestedBy: "anna")
        try await site.journal.append(
            RecordedEvent(sequence: 1, at: ManualClock.start, event: .requested(order)), app: "blog", number: number)
        let releases = try site.releases()
        let ended = try await site.clock.running {
            number == .max - 1
                ? try await releases.resume(by: "viridian serve", observe: { _, _ in })
                : try await releases.abort(by: "ben", reason: nil, observe: { _, _ in })
        }
        #expect(ended?.state.hasEnded == true)
        let error = await errorText { try await site.deploy("v2") }
        #expect(
            error
                == "the journal's newest release is blog/\(number): no release can have a higher number\n"
                + "to fix: name another journal in viridian.yaml. What is live is read from the cluster and the nodes")
        await #expect(throws: Refusal.self) { try await releases.repair(isDryRun: false) }
        #expect(await site.world.routes.values.allSatisfy { $0 == .blue })
        #expect(await site.world.workloads.count == 1)
    }

    @Test("a node that reports such a number, when journal and lease are lost, is refused with what to do")
    func node() async throws {
        await site.world.claim(World.nodes[1], Int.max)
        let error = await errorText { try await site.deploy() }
        #expect(error?.contains("no release can have a higher number") == true)
        #expect(error?.contains(".viridian/blog.token") == true)
        #expect(try site.journal.lastNumber(app: "blog") == 0)
    }

    @Test("a number that is older than what a node has seen is refused before pods start, and the next one is above it")
    func olderThanNodes() async throws {
        _ = try await site.deploy()
        await site.world.claim(World.nodes[1], 51 * 2 + 1)
        let release = try await site.deploy("v2")
        #expect(release.failure?.phase == .discovering)
        #expect(
            release.failure?.message == "node \(World.nodes[1]) has seen blog/51, which is newer than blog/2")
        #expect(await site.world.calls.filter { $0 == "create" }.count == 1)
        let next = try await site.deploy("v2")
        #expect(next.order.number == 52)
        #expect(next.state == .live)
    }
}
