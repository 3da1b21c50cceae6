import Controller
import ReleaseMachine
import Testing
import ViridianConfiguration

@Suite("A release that several people have to promote")
struct ApprovalTests {
    private let site = Site()

    private func releases(
        _ me: String = "mike", approvals: Int = 2, by: AppConfiguration.Verify.Approvers = .others
    ) throws -> AppReleases {
        try site.releases(me) { $0.verify = .init(timeout: .seconds(120), approvals: approvals, by: by) }
    }

    private func deploy(
        verify: Bool? = nil, as requester: Admission.Requester = .person(overridesHolds: false),
        until stop: Engine.Stop = .whenPaused, observe: @escaping Engine.Observer = { _, _ in }
    ) async throws -> Release {
        let releases = try releases()
        let request = AppReleases.Request(
            version: try Version(Site.version), verify: verify, reason: "why", requester: requester, by: "mike")
        return try await site.clock.running { try await releases.deploy(request, until: stop, observe: observe) }
    }

    private func promote(_ me: String, forcedReason: String? = nil) async throws -> Release {
        let releases = try releases(me)
        return try await site.clock.running {
            try await releases.promote(by: me, forcedReason: forcedReason, observe: { _, _ in })
        }
    }

    @Test("it pauses without being told to; the first promotion returns at once, the last one runs it to its end")
    func counted() async throws {
        let paused = try await deploy()
        #expect(paused.state == .paused && paused.needsApprovals)
        let approved = try await promote("ann")
        #expect(approved.state == .paused && approved.approvalCount == "1 of 2: ann")
        #expect(await site.world.routes.values.allSatisfy { $0 == .blue })
        let live = try await promote("bob")
        #expect(live.state == .live && live.approvalCount == "2 of 2: ann, bob")
        #expect(site.kinds().filter { ["approved", "promoted"].contains($0) } == ["approved", "promoted"])
        #expect(await site.world.violations == [])
    }

    @Test("the process that waits for it goes on waiting, and the last approval reaches it")
    func waiting() async throws {
        let paused = Gate(stopping: site.clock)
        let running = Task {
            try await deploy(
                until: .whenEnded, observe: { _, release in if release.state == .paused { await paused.pass() } })
        }
        await paused.arrival()
        #expect(try await releases("ann").requestPromotion(by: "ann").state == .paused)
        #expect(try await releases("bob").requestPromotion(by: "bob").phase == .switching)
        await paused.open()
        #expect(try await running.value.state == .live)
        #expect(!site.kinds().contains("takenUp"))
    }

    @Test("of two people at the same moment the first one's promotion counts, and the second is told who was first")
    func race() async throws {
        _ = try await deploy()
        _ = try await promote("ann")
        let (bob, cid) = (try releases("bob"), try releases("cid"))
        // Bob's event is written after cid has read the release and before cid's own event.
        site.journal.intrude { _ in _ = try await bob.requestPromotion(by: "bob") }
        let error = await errorText { try await cid.requestPromotion(by: "cid") }
        #expect(error?.hasPrefix("blog/1 was promoted by bob already (") == true, "\(error ?? "promoted twice")")
        #expect(error?.hasSuffix("), and is switching") == true)
        #expect(site.kinds().filter { $0 == "promoted" }.count == 1)
    }

    @Test("two approvals at the same moment are two approvals")
    func bothCount() async throws {
        _ = try await deploy()
        let ann = try releases("ann")
        site.journal.intrude { _ in _ = try await ann.requestPromotion(by: "ann") }
        #expect(try await promote("bob").state == .live)
        #expect(site.kinds().filter { ["approved", "promoted"].contains($0) } == ["approved", "promoted"])
    }

    @Test("an abort at the same moment as the last approval: the first counts")
    func abortFirst() async throws {
        _ = try await deploy()
        _ = try await promote("ann")
        let mike = try releases()
        site.journal.intrude { _ in _ = try await mike.requestAbort(by: "mike", reason: "the font") }
        let error = await errorText { try await promote("bob") }
        #expect(error?.hasPrefix("blog/1 was aborted by mike (") == true, "\(error ?? "promoted")")
        #expect(error?.hasSuffix("): the font, and is going back") == true)
    }

    @Test("an administrator promotes it without them, for a reason")
    func forced() async throws {
        _ = try await deploy()
        #expect(await errorText { try await promote("mike") }?.hasPrefix("blog/1 was requested by mike") == true)
        let live = try await promote("mike", forcedReason: "prices are wrong")
        #expect(live.state == .live && live.promotedBy == "mike" && live.forcedReason == "prices are wrong")
        #expect(site.kinds().contains("promotionForced"))
    }

    // MARK: Without a pause

    @Test("a release that is not to pause is refused, and says what to do")
    func noVerify() async throws {
        let error = await errorText { try await deploy(verify: false) }
        #expect(
            error
                == "releases of blog need approvals: 2 people other than their requester have to promote them. "
                + "Deploy without --no-verify, so that it pauses for them; an administrator can release without them with "
                + "--override and a --reason")
        #expect(try site.journal.lastNumber(app: "blog") == 0)
    }

    @Test("an administrator may release without a pause; the release says in spite of what")
    func overridden() async throws {
        let release = try await deploy(verify: false, as: .person(overridesHolds: true), until: .whenEnded)
        #expect(release.state == .live && !release.needsApprovals)
        #expect(
            release.order.overrode
                == "releases of blog need approvals: 2 people other than their requester have to promote them")
        // An override alone, as for a lock, does not skip the pause.
        let paused = try await deploy(as: .person(overridesHolds: true))
        #expect(paused.state == .paused && paused.order.overrode == nil)
    }

    @Test(
        "the same command with --no-verify resumes a release that pauses for approvals, and does not move the traffic")
    func resumed() async throws {
        _ = try await deploy()
        let release = try await deploy(verify: false)
        #expect(release.order.number == 1 && release.state == .paused)
    }

    @Test(
        "the rule says who has to promote",
        arguments: [
            (1, AppConfiguration.Verify.Approvers.others, "a person other than their requester has to promote them"),
            (2, .anyone, "2 people have to promote them"),
        ])
    func rule(_ approvals: Int, _ by: AppConfiguration.Verify.Approvers, _ expected: String) throws {
        let needed = ApprovalsNeeded(app: "blog", verify: .init(approvals: approvals, by: by))
        #expect(needed.rule == "releases of blog need approvals: \(expected)")
    }

    @Test("a rollback asks nobody")
    func rollback() async throws {
        _ = try await site.deploy()
        _ = try await site.deploy("20151101.120000")
        let releases = try releases("ann")
        let back = try await site.clock.running {
            try await releases.rollback(to: nil, by: "ann", reason: "slow", until: .whenEnded, observe: { _, _ in })
        }
        #expect(back.state == .live && !back.needsApprovals && back.approvals == [])
    }

    // MARK: What people read

    @Test("status says who has approved and who still has to; the log says it line by line")
    func texts() async throws {
        _ = try await deploy()
        let app = try releases().app
        func view() async throws -> AppView {
            AppView(app: app, observation: nil, latest: try await releases().latest(), now: site.clock.now)
        }
        #expect(
            try await view().advice.first?.contains("(2 people other than mike have to promote it): viridian promote")
                == true
        )
        let seen = try await view()
        #expect(seen.approvalsNeeded == 2 && seen.approvers == .others)
        _ = try await promote("ann")
        let release = try #require(try await view().release)
        #expect(release.approvalCount == "1 of 2: ann" && release.approvals?.map(\.by) == ["ann"])
        #expect(release.approvalsNeeded == 2 && release.approvers == .others)
        #expect(try await view().advice.first?.contains("(another person than mike and ann has to promote it)") == true)
        let paused = try #require(try await releases().latest())
        #expect(Outcome(paused).sentence.contains(" (1 of 2: ann); then it aborts"))
        _ = try await promote("mike", forcedReason: "prices")
        var formatter = EventFormatter()
        var folded: Release?
        var lines: [String] = []
        for event in try await releases().events(of: 1) {
            if folded == nil { folded = Release(event) } else { folded?.apply(event) }
            if let folded { lines += formatter.lines(event, folded) }
        }
        let texts = lines.map { $0.split(separator: " ").dropFirst(2).joined(separator: " ") }
        #expect(texts.contains("It needs approvals: 2 people other than mike have to promote it"))
        #expect(texts.contains("Approved by ann, 1 of 2: another person than mike and ann has to promote it"))
        #expect(texts.contains("Promoted by mike without the approvals that it needed: prices"))
    }

    @Test("an app whose releases anybody can promote says nothing of approvals")
    func unasked() async throws {
        let release = try await site.deploy(verify: true, until: .whenPaused)
        let view = AppView(app: try site.releases().app, observation: nil, latest: release, now: site.clock.now)
        #expect(view.approvalsNeeded == nil && view.approvers == nil)
        #expect(view.release?.approvalsNeeded == nil && view.release?.approvals == nil)
        #expect(view.advice.first?.contains("(") == false)
    }
}
