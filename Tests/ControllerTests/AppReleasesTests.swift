import Controller
import ReleaseMachine
import Testing
import ViridianConfiguration

@Suite("Commands on an app's releases")
struct AppReleasesTests {
    private let site = Site()
    private static let other = "20151101.120000"

    // MARK: Deploy

    @Test("the same deploy resumes a release that was interrupted")
    func attach() async throws {
        site.journal.breaks(at: .init(at: 4, isWritten: true))
        await #expect(throws: MemoryJournal.Killed.self) { try await site.deploy() }
        site.journal.breaks(at: nil)
        let recorder = EventRecorder()
        let release = try await site.deploy(as: "ben@ci-2", observe: recorder.observer)
        #expect(release.state == .live)
        #expect(release.order.number == 1)
        #expect(release.order.requestedBy == "anna@ci-1")
        #expect(await recorder.events.first?.event == .takenUp(by: "ben@ci-2"))
    }

    @Test("another version is refused while one has not ended")
    func interrupted() async throws {
        _ = try await site.deploy(verify: true, until: .whenPaused)
        let error = await errorText { try await site.deploy(Self.other) }
        #expect(
            error
                == "blog/1 (20151025.143403) has not ended: it is paused in phase verifying. "
                + "Resume it with `viridian deploy blog --version 20151025.143403`, or abort it with `viridian abort blog`"
        )
        #expect(await site.world.holder == nil)
        #expect(try site.journal.lastNumber(app: "blog") == 1)
    }

    @Test("a release that another process runs is named")
    func leaseHeld() async throws {
        _ = try await site.deploy(verify: true, until: .whenPaused)
        await site.world.steal(by: "ben@ci-2")
        let error = await errorText { try await site.deploy() }
        #expect(
            error
                == "blog/1 (20151025.143403) is paused for verification: ben@ci-2 holds the lease. "
                + "To promote: viridian promote blog; to abort: viridian abort blog")
        #expect(await site.world.holder == "ben@ci-2")
    }

    @Test("of two deploys at the same time exactly one starts a release", arguments: [true, false])
    func twoAtOnce(_ isOneProcess: Bool) async throws {
        let outcomes = try await site.clock.running { [site] in
            await withTaskGroup(of: String.self) { group in
                for me in ["anna@ci-1", isOneProcess ? "anna@ci-1" : "ben@ci-2"] {
                    group.addTask { await errorText { try await site.deploy(as: me) } ?? "live" }
                }
                return await group.reduce(into: []) { $0.append($1) }
            }
        }
        #expect(outcomes.filter { $0 == "live" }.count == 1, "\(outcomes)")
        #expect(outcomes.filter { $0.contains("holds the lease") }.count == 1, "\(outcomes)")
        #expect(try site.journal.lastNumber(app: "blog") == 1)
        #expect(await site.world.violations == [])
    }

    @Test("the next release supersedes the one before, colour by colour")
    func supersede() async throws {
        _ = try await site.deploy()
        let second = try await site.deploy(Self.other)
        #expect(second.order.number == 2)
        #expect(second.candidate == .blue)
        let history = try await site.releases().history(limit: 10)
        #expect(history.map(\.state) == [.live, .superseded])
        #expect(history.last?.replacedBy == 2)
        #expect(await site.world.workloads.keys.map(\.rawValue) == ["blue"])
    }

    @Test("when the journal is lost the cluster has the last number, and what is live")
    func lostJournal() async throws {
        _ = try await site.deploy()
        site.journal.forgetAll()
        let release = try await site.deploy(Self.other)
        #expect(release.order.number == 2)
        #expect(release.state == .live)
        #expect(release.previous == LiveVersion(color: .green, version: Site.version))
    }

    @Test("when journal and lease are both lost, numbers continue from the highest that a node has seen")
    func lostJournalAndLease() async throws {
        await site.world.claim(World.nodes[1], 26 * 2 + 1)
        let release = try await site.deploy()
        #expect(release.order.number == 27)
        #expect(release.state == .live)
    }

    @Test("a number is recorded in the cluster before anything is done under it, also when a release is resumed")
    func noted() async throws {
        await site.world.fail("note", with: [TransientError()])
        #expect(await errorText { try await site.deploy() } == "the API did not answer")
        #expect(await !site.world.calls.contains("survey"))
        #expect(await site.world.lastRelease == 0)
        #expect(try await site.deploy().order.number == 1)
        #expect(await site.world.lastRelease == 1)
    }

    @Test("an app's settings are part of the release")
    func rules() async throws {
        let releases = try site.releases { app in
            app.retain = .seconds(600)
            app.tolerate = 1
            app.postDeploy = .init(command: "/sbin/deploy-blog", timeout: .seconds(100))
            app.preview = "preview.blog.domain.com"
            app.verify = .init(required: true, timeout: .seconds(7), then: .promote)
        }
        let request = AppReleases.Request(
            version: try Version(Site.version), replicas: 5, reason: "why not", by: "anna")
        let release = try await site.clock.running {
            try await releases.deploy(request, until: .whenPaused, observe: { _, _ in })
        }
        let rules = release.order.rules
        #expect(release.state == .paused)
        #expect(rules.retain == .seconds(600))
        #expect(rules.tolerate == 1)
        #expect(rules.stageTimeout == .seconds(160))
        #expect(rules.verifyTimeout == .seconds(7))
        #expect(rules.afterVerifyTimeout == .promote)
        #expect(rules.readyTimeout == .seconds(60))
        #expect(rules.previewURL == "http://preview.blog.domain.com/")
        #expect(release.order.replicas == 5)
        #expect(release.survey?.replicas == 5)
        #expect(release.order.reason == "why not")
        #expect(release.order.image == "registry.local:5000/blog:20151025.143403")
    }

    // MARK: Promote and abort

    private func promote(as me: String, _ observe: @escaping Engine.Observer = { _, _ in }) async throws -> Release {
        let releases = try site.releases(me)
        return try await site.clock.running { try await releases.promote(by: me, observe: observe) }
    }

    private func abort(as me: String, _ observe: @escaping Engine.Observer = { _, _ in }) async throws -> Release {
        let releases = try site.releases(me)
        return try await site.clock.running { try await releases.abort(by: me, reason: "wrong", observe: observe) }
    }

    @Test("promote and abort run a release that no process runs", arguments: [true, false])
    func nobodyRuns(_ promotes: Bool) async throws {
        _ = try await site.deploy(verify: true, until: .whenPaused)
        let recorder = EventRecorder()
        let release =
            promotes
            ? try await promote(as: "ben@ci-2", recorder.observer) : try await abort(as: "ben@ci-2", recorder.observer)
        #expect(release.state == (promotes ? .live : .aborted))
        #expect(await recorder.kinds.prefix(2) == [promotes ? "promoted" : "abortRequested", "takenUp"])
        #expect(await site.world.holder == nil)
    }

    @Test("promote and abort reach the process that runs it, and follow it", arguments: [true, false])
    func anotherRuns(_ promotes: Bool) async throws {
        let paused = Gate(stopping: site.clock)
        let running = Task { [site] in
            try await site.deploy(
                verify: true, observe: { _, release in if release.state == .paused { await paused.pass() } })
        }
        await paused.arrival()
        let recorder = EventRecorder()
        let observer: Engine.Observer = { recorded, release in
            await recorder.observer(recorded, release)
            await paused.open()
        }
        let seen =
            promotes
            ? try await promote(as: "ben@ci-2", observer) : try await abort(as: "ben@ci-2", observer)
        let ran = try await running.value
        #expect(ran.state == (promotes ? .live : .aborted))
        #expect(seen.state == ran.state)
        #expect(!site.kinds().contains("takenUp"))
        let all = try site.journal.events(app: "blog", number: 1, after: 0)
        let word = try #require(all.firstIndex { $0.event.kind == (promotes ? "promoted" : "abortRequested") })
        #expect(await recorder.events == Array(all[word...]))
    }

    @Test("a process that follows a release runs it when the one that ran it has died")
    func takesOver() async throws {
        _ = try await site.deploy(verify: true, until: .whenPaused)
        let held = LeaseHeld(app: "blog", holder: "ghost@ci-3", release: nil)
        await site.world.fail("acquire", with: [held, held])
        let release = try await promote(as: "ben@ci-2")
        #expect(release.state == .live)
        #expect(site.kinds().contains("takenUp"))
    }

    @Test("a request that arrives at the same time as another event is appended after it")
    func wordConflict() async throws {
        _ = try await site.deploy(verify: true, until: .whenPaused)
        site.journal.intrude { try await $0.request(.said(LogMessage("hello"))) }
        #expect(try await promote(as: "ben@ci-2").state == .live)
        #expect(site.kinds().filter { $0 == "promoted" }.count == 1)
    }

    @Test("but not when it no longer applies")
    func wordTooLate() async throws {
        _ = try await site.deploy(verify: true, until: .whenPaused)
        site.journal.intrude { try await $0.request(.abortRequested(by: "anna", reason: nil)) }
        #expect(
            await errorText { try await promote(as: "ben@ci-2") }?.hasPrefix("blog/1 was aborted by anna (") == true
        )
    }

    @Test("a request from another process comes before what the engine was about to append")
    func wordInTheMiddle() async throws {
        let journal = site.journal
        let release = try await site.deploy(observe: { recorded, _ in
            guard recorded.event.kind == "podsReady" else { return }
            journal.intrude { try await $0.request(.abortRequested(by: "ben", reason: "no")) }
        })
        #expect(release.state == .aborted)
        #expect(release.cause == .aborted(by: "ben", reason: "no"))
        #expect(await site.world.routes.values.allSatisfy { $0 == .blue })
        let sequences = try journal.events(app: "blog", number: 1, after: 0).map(\.sequence)
        #expect(sequences == Array(1...sequences.count))
    }

    @Test("requests are refused when they do not apply")
    func refusedWords() async throws {
        #expect(
            await errorText { try await promote(as: "anna") }
                == "blog has no release yet: `viridian deploy blog --version V` starts the first")
        _ = try await site.deploy()
        #expect(await errorText { try await promote(as: "anna") } == "blog/1 is live")
        #expect(await errorText { try await abort(as: "anna") } == "blog/1 is live")
        #expect(site.kinds().last == "oldRemoved")
    }

    // MARK: Rollback

    private func rollback(to version: String? = nil) async throws -> Release {
        let releases = try site.releases()
        let version = try version.map { try VersionReference($0) }
        return try await site.clock.running {
            try await releases.rollback(to: version, by: "ben", reason: "slow", until: .whenEnded, observe: { _, _ in })
        }
    }

    @Test("to the version before, as a new release")
    func rollbackToPrevious() async throws {
        _ = try await site.deploy()
        _ = try await site.deploy(Self.other)
        let release = try await rollback()
        #expect(release.state == .live)
        #expect(release.order.kind == .rollback(from: 2))
        #expect(release.order.version == Site.version)
        #expect(release.order.image == "registry.local:5000/blog:\(Site.version)")
        #expect(release.order.reason == "slow")
        #expect(try await site.releases().history(limit: 10).map(\.state) == [.live, .rolledBack, .superseded])
    }

    private func history() async throws -> [String] {
        try await site.releases().history(limit: 20).map(\.order.version)
    }

    @Test("a version that was deployed again is one step: a rollback goes behind it")
    func rollbackOfRetry() async throws {
        for version in ["v1", "v2", "v2"] { _ = try await site.deploy(version) }
        #expect(try await rollback().order.version == "v1")
        #expect(try await rollback().order.version == World.oldVersion)
    }

    @Test(
        "twice in a row goes further back, never forward to what was just replaced; an error when there is nothing before"
    )
    func rollbackTwice() async throws {
        for version in ["v1", "v2", "v3"] { _ = try await site.deploy(version) }
        #expect(try await rollback().order.version == "v2")
        #expect(try await rollback().order.version == "v1")
        #expect(try await rollback().order.version == World.oldVersion)
        let error = await errorText { try await rollback() }
        #expect(
            error
                == "blog has no version before \(World.oldVersion): name one with --to\nversions that were live: v1, v2, v3"
        )
        #expect(try await history().count == 6)
    }

    @Test("after a rollback to a named version it goes to what was before that one")
    func rollbackBehindNamed() async throws {
        for version in ["v1", "v2", "v3", "v4"] { _ = try await site.deploy(version) }
        #expect(try await rollback(to: "v2").order.version == "v2")
        #expect(try await rollback().order.version == "v1")
    }

    @Test(
        "a version deployed after a rollback goes back to what the rollback brought, and then to what was before that")
    func rollbackBehindFix() async throws {
        for version in ["v1", "v2"] { _ = try await site.deploy(version) }
        #expect(try await rollback().order.version == "v1")
        _ = try await site.deploy("v3")
        #expect(try await rollback().order.version == "v1")
        #expect(try await rollback().order.version == World.oldVersion)
    }

    @Test("a failed release was never live, and is not a step")
    func rollbackOverFailure() async throws {
        for version in ["v1", "v2"] { _ = try await site.deploy(version) }
        await site.world.set(pods: .crash)
        #expect(try await site.deploy("v3").state == .failed)
        await site.world.set(pods: .becomeReady)
        #expect(try await rollback().order.version == "v1")
    }

    @Test("to what was live before this journal existed")
    func rollbackBeyondJournal() async throws {
        _ = try await site.deploy()
        let release = try await rollback()
        #expect(release.order.version == World.oldVersion)
        #expect(release.order.image == "registry.local:5000/blog:\(World.oldVersion)")
        #expect(release.state == .live)
    }

    @Test("to a version that is named, with the image that it had")
    func rollbackToVersion() async throws {
        let releases = try site.releases()
        let image = try ImageReference("registry.local:5000/blog-special:1")
        let request = AppReleases.Request(version: try Version(Site.version), image: image, by: "anna")
        _ = try await site.clock.running { try await releases.deploy(request, until: .whenEnded, observe: { _, _ in }) }
        _ = try await site.deploy(Self.other)
        _ = try await site.deploy("20151102.120000")
        let release = try await rollback(to: Site.version)
        #expect(release.order.image == "registry.local:5000/blog-special:1")
        #expect(release.order.kind == .rollback(from: 3))
    }

    @Test("to a version that was never live is refused")
    func rollbackUnknown() async throws {
        _ = try await site.deploy()
        await site.world.set(pods: .crash)
        #expect(try await site.deploy(Self.other).state == .failed)
        let error = "version \(Self.other) of blog was never live\nversions that were live: \(Site.version)"
        #expect(await errorText { try await rollback(to: Self.other) } == error)
        #expect(try site.journal.lastNumber(app: "blog") == 2)
    }

    @Test("without a version before, it is refused")
    func rollbackNothing() async throws {
        #expect(
            await errorText { try await rollback() }
                == "blog has no live release to roll back: `viridian releases blog` lists its history")
        let fresh = Site(isLive: false)
        _ = try await fresh.deploy()
        let releases = try fresh.releases()
        let error = await errorText {
            try await releases.rollback(to: nil, by: "ben", reason: nil, until: .whenEnded, observe: { _, _ in })
        }
        #expect(error == "blog has no version before \(Site.version): name one with --to")
    }

    @Test("a rollback of a release that has not ended is an abort")
    func rollbackRunning() async throws {
        _ = try await site.deploy(verify: true, until: .whenPaused)
        let release = try await rollback()
        #expect(release.state == .aborted)
        #expect(release.cause == .aborted(by: "ben", reason: "slow"))
        #expect(try site.journal.lastNumber(app: "blog") == 1)
    }

    // MARK: Reading

    @Test("one release, its events, and an error for those that do not exist")
    func looking() async throws {
        _ = try await site.deploy()
        let releases = try site.releases()
        #expect(try await releases.release(1).state == .live)
        #expect(try await releases.events(of: 1, after: 3).first?.sequence == 4)
        #expect(
            await errorText { try await releases.release(2) }
                == "there is no release blog/2: `viridian releases blog` lists the existing ones")
        #expect(await errorText { try await releases.follow(2, observe: { _, _ in }) } != nil)
        let recorder = EventRecorder()
        let followed = try await releases.follow(1, after: 3, observe: recorder.observer)
        #expect(followed?.state == .live)
        #expect(await recorder.events.map(\.sequence) == Array(4...site.kinds().count))
        #expect(try await releases.follow(1, observe: { _, _ in })?.sequence == site.kinds().count)
    }
}
