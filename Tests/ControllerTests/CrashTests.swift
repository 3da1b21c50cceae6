import Controller
import ReleaseMachine
import Testing

/// The process dies at each of its appends to the journal, before and after the event is written, and another one continues.
@Suite("A release survives the death of its process at every event")
struct CrashTests {
    enum Course: CaseIterable, Sendable {
        case success
        case firstRelease
        case failingPods
        case switchFails
        case abortedWhilePaused
        case abortedWhileDraining

        var outcome: Release.State {
            switch self {
            case .success, .firstRelease: .live
            case .failingPods, .switchFails: .failed
            case .abortedWhilePaused: .aborted
            case .abortedWhileDraining: .rolledBack
            }
        }

        func makeSite() async -> Site {
            let site = Site(isLive: self != .firstRelease)
            switch self {
            case .failingPods: await site.world.set(pods: .crash)
            case .switchFails:
                let node = World.nodes[1]
                let problem = NodeProblem(node: node, isUnreachable: false, message: "nginx -t failed")
                await site.world.failAlways("route \(node) green", with: problem)
            default: break
            }
            return site
        }

        /// Whether a person aborts the release at this moment.
        func aborts(_ release: Release) -> Bool {
            switch self {
            case .abortedWhilePaused: release.state == .paused
            case .abortedWhileDraining: release.phase == .draining && !release.isBackingOut
            default: false
            }
        }

        func run(_ site: Site, as me: String) async throws -> Release {
            try await site.deploy(
                as: me,
                verify: self == .abortedWhilePaused,
                observe: { _, release in
                    guard aborts(release) else { return }
                    let number = release.order.number
                    let isSaid = site.journal.events(number).contains { $0.kind == "abortRequested" }
                    if !isSaid {
                        try? await site.journal.request(.abortRequested(by: "ben", reason: nil), number: number)
                    }
                }
            )
        }
    }

    @Test("and ends as it would have without the crash", arguments: Course.allCases)
    func crash(_ course: Course) async throws {
        let undisturbed = await course.makeSite()
        #expect(try await course.run(undisturbed, as: "anna@ci-1").state == course.outcome)
        await check(undisturbed, course, "undisturbed")
        let count = undisturbed.journal.appends
        try #require(count > 5)

        for place in (1...count).flatMap({ at in [false, true].map { MemoryJournal.Break(at: at, isWritten: $0) } }) {
            let site = await course.makeSite()
            site.journal.breaks(at: place)
            do {
                _ = try await course.run(site, as: "anna@ci-1")
                continue  // Fewer pod observations than before: the release ended before this append.
            } catch is MemoryJournal.Killed {
                await site.world.die("anna@ci-1")
            }
            site.journal.breaks(at: nil)
            let release = try await course.run(site, as: "ben@ci-2")
            #expect(release.state == course.outcome, "\(place): \(site.kinds(release.order.number))")
            await check(site, course, "\(place)")
        }
    }

    private func check(_ site: Site, _ course: Course, _ place: String) async {
        #expect(await site.world.violations == [], "\(place)")
        let workloads = await site.world.workloads
        #expect(workloads.count == 1, "\(place): \(workloads)")
        let color = workloads.keys.first
        #expect(await site.world.routes.values.allSatisfy { $0 == color }, "\(place)")
        #expect(await site.world.recorded?.color == color, "\(place)")
        let wanted = course.outcome == .live ? Site.version : World.oldVersion
        #expect(workloads.values.first?.version == wanted, "\(place)")
        #expect(await site.world.holder == nil, "\(place)")
    }
}
