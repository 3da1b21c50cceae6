import Testing

@testable import ReleaseMachine

@Suite("Each phase has its own timeout")
struct DeadlineTests {
    private let first = Story.nodes[0]
    private let second = Story.nodes[1]

    private static var rules: Rules {
        var rules = Rules()
        rules.stepTimeout = .seconds(60)
        rules.readyTimeout = .seconds(600)
        rules.stageTimeout = .seconds(360)
        rules.verifyTimeout = .seconds(3600)
        return rules
    }

    @Test(
        "the timeout of each phase, counted from its start",
        arguments: [
            (Phase.discovering, 60), (.creating, 60), (.starting, 600), (.staging, 360), (.verifying, 3600),
            (.switching, 60),
        ])
    func lengths(_ phase: Phase, _ seconds: Int) throws {
        let story = try Story.reaching(phase, verify: true, rules: Self.rules)
        let timer = try #require(story.release.timer)
        #expect(timer.at == story.now + .seconds(seconds))
        #expect(timer.event == .deadlinePassed(phase))
    }

    // MARK: Interruptions

    @Test(
        "a phase's timeout counts only while a process runs the release: from when it was last resumed",
        arguments: [Phase.discovering, .creating, .starting, .staging, .switching, .retiring],
        [Event.takenUp(by: "ben"), .resumed(milliseconds: 7_200_000)])
    func absence(_ phase: Phase, _ event: Event) throws {
        var story = try Story.reaching(phase, rules: Self.rules)
        let length = try #require(story.release.timer).at - story.now
        story.apply(event, at: story.now + .seconds(7200))
        #expect(story.release.timer?.at == story.now + length)
        try story.runOut()
        #expect(story.release.isBackingOut == (phase != .retiring))
    }

    @Test("an interruption does not shorten the timeout of the switch, nor of the way back")
    func absenceInTheMiddle() throws {
        var switching = try Story.reaching(.switching, rules: Self.rules)
        switching.apply(.candidateConfirmed)
        switching.apply(.takenUp(by: "ben"), at: switching.now + .seconds(7200))
        #expect(switching.release.timer?.at == switching.now + .seconds(60))

        var back = try Story.reaching(.draining, rules: Self.rules)
        back.apply(.abortRequested(by: "anna", reason: nil))
        back.apply(.takenUp(by: "ben"), at: back.now + .seconds(7200))
        #expect(back.release.timer?.at == back.now + .seconds(120))
        #expect(back.effects == [.revertNode(node: first), .revertNode(node: second)])
    }

    @Test("the end of the pause and the bounds of the drain are fixed points in time")
    func promises() throws {
        var paused = try Story.reaching(.verifying, verify: true, rules: Self.rules)
        let end = try #require(paused.release.verifyDeadline)
        paused.apply(.takenUp(by: "ben"), at: paused.now + .seconds(7200))
        #expect(paused.release.verifyDeadline == end)
        #expect(paused.release.timer?.at == end)
        paused.apply(.deadlinePassed(.verifying))
        #expect(paused.release.cause == .verificationExpired)

        var draining = try Story.reaching(.draining, rules: Self.rules)
        let bounds = try #require(draining.release.drainBounds)
        draining.apply(.takenUp(by: "ben"), at: draining.now + .seconds(7200))
        #expect(draining.release.drainBounds == bounds)
    }

    @Test(
        "time never goes back: an abort from a machine whose clock is behind starts a way back with its whole timeout")
    func slowClock() throws {
        var story = try Story.reaching(.draining, rules: Self.rules)
        let newest = story.now
        story.apply(.abortRequested(by: "anna", reason: nil), at: newest + .seconds(-200))
        #expect(story.release.timer?.at == newest + .seconds(120))
        #expect(story.state == .running)
        #expect(story.release.spans.allSatisfy { $0.startedAt <= newest })
    }

    @Test(
        "a deadline that an earlier version wrote ends its release as it did then, whatever today's rules for interruptions are"
    )
    func writtenByEarlierVersions() throws {
        var rules = Self.rules
        rules.edition = nil
        var absent = try Story.reaching(.staging, rules: rules)
        let staging = absent.now
        absent.apply(.takenUp(by: "ben"), at: staging + .seconds(300))
        absent.apply(.deadlinePassed(.staging), at: staging + .seconds(360))
        #expect(absent.release.failure?.phase == .staging)

        var slow = try Story.reaching(.staging, rules: rules)
        let newest = slow.now
        slow.apply(.abortRequested(by: "anna", reason: nil), at: newest + .seconds(-200))
        slow.apply(.deadlinePassed(.staging), at: newest + .seconds(1))
        #expect(slow.state == .aborted)
    }

    // MARK: When traffic has moved

    @Test("no timeout makes a release back out whose nodes have all switched: it is live, and names what it leaves")
    func retiring() throws {
        var story = try Story.reaching(.retiring, rules: Self.rules)
        #expect(story.release.timer?.at == story.now + .seconds(120))
        story.apply(.troubled(.readBack, message: "the inventory does not answer"))
        try story.runOut()
        #expect(story.state == .live)
        let old = LiveVersion(color: .blue, version: "20151018.090000")
        #expect(
            story.release.leftovers == [Leftover(.workload, old, message: "the inventory does not answer")])
        #expect(story.effects == [])

        var rules = Self.rules
        rules.tolerate = 1
        var tolerant = try Story.reaching(.retiring, rules: rules, survey: Story.survey(unreachable: [second]))
        try tolerant.runOut()
        #expect(tolerant.release.needRepair == [NodeReading(node: second, color: nil, message: "timed out")])

        var first = try Story.reaching(.retiring, rules: Self.rules, survey: Story.survey(live: nil))
        try first.runOut()
        #expect(first.state == .live)
        #expect(first.release.leftovers == [])
    }

    @Test(
        "a record that cannot be written ends the release as live: the record is a leftover, and nothing is deleted"
    )
    func unrecorded() throws {
        var story = try Story.reaching(.draining, rules: Self.rules)
        let bounds = try #require(story.release.drainBounds)
        #expect(story.release.timer?.at == bounds.upperBound + .seconds(120))
        story.apply(.troubled(.recordLive(.green), message: "forbidden"))
        try story.runOut()
        #expect(story.state == .live)
        #expect(
            story.release.leftovers == [
                Leftover(.record, LiveVersion(color: .green, version: Story.version), message: "forbidden"),
                Leftover(.workload, LiveVersion(color: .blue, version: "20151018.090000"), message: "forbidden"),
            ])
    }

    @Test("a drain without a result ends at its timeout, and the nodes are read back")
    func drainHangs() throws {
        var story = try Story.reaching(.draining, rules: Self.rules)
        story.apply(.liveRecorded(.green))
        try story.runOut()
        #expect(story.phase == .retiring)
        #expect(story.effects == [.readBack])
        #expect(story.release.drain == nil)
    }

    @Test("the canary has the switch's timeout, and then all others have it")
    func canaryClock() throws {
        var story = try Story.reaching(.switching, rules: Self.rules)
        story.apply(.candidateConfirmed)
        let confirmed = story.now
        story.apply(.nodeSwitched(node: first), at: confirmed + .seconds(50))
        #expect(story.release.timer?.at == confirmed + .seconds(110))

        var silent = try Story.reaching(.switching, rules: Self.rules)
        silent.apply(.candidateConfirmed)
        try silent.runOut()
        // The other node was not switched.
        #expect(silent.release.failure?.details == ["\(first): no answer"])
    }

    @Test("pods that are not ready in time fail the release, with the reason of each")
    func starting() throws {
        var story = try Story.reaching(.starting)
        #expect(story.release.readyDeadline == story.now + .seconds(600))
        let pods = [
            PodSummary(name: "blog-green-1", isReady: true),
            PodSummary(name: "blog-green-2", isReady: false, reason: "running, not ready yet"),
            PodSummary(name: "blog-green-3", isReady: false),
        ]
        let report = PodsReport(ready: 1, desired: 4, pods: pods, warnings: ["exceeded quota: pods"])
        story.apply(.podsObserved(report))
        try story.runOut()
        #expect(
            story.release.failure
                == Failure(
                    phase: .starting,
                    message: "timed out: 1 of 4 pods are ready",
                    details: [
                        "exceeded quota: pods", "blog-green-2: running, not ready yet", "blog-green-3: not ready",
                    ]
                ))

        var unseen = try Story.reaching(.starting)
        try unseen.runOut()
        #expect(unseen.release.failure?.message == "timed out: no pod was seen")
    }

    @Test("nodes that are not staged in time are named")
    func staging() throws {
        var story = try Story.reaching(.staging)
        story.apply(.nodeStaged(node: first))
        try story.runOut()
        let failure = Failure(
            phase: .staging, message: "1 of 2 nodes could not be staged in time", details: ["\(second): no answer"])
        #expect(story.release.failure == failure)
        #expect(story.states == [.staged, .pending])
    }

    @Test("nodes that are not switched in time are named, and those that were are reverted")
    func switching() throws {
        var story = try Story.reaching(.switching)
        story.apply(.candidateConfirmed)
        story.apply(.nodeSwitched(node: first))
        try story.runOut()
        let failure = Failure(
            phase: .switching, message: "1 of 2 nodes could not be switched in time", details: ["\(second): no answer"])
        #expect(story.release.failure == failure)
        #expect(story.effects == [.revertNode(node: first), .revertNode(node: second)])
    }

    @Test(
        "a short step that times out names the error that it last had",
        arguments: [Phase.discovering, .creating, .switching])
    func shortStep(_ phase: Phase) throws {
        var silent = try Story.reaching(phase)
        try silent.runOut()
        #expect(silent.release.failure == Failure(phase: phase, message: "timed out"))

        var story = try Story.reaching(phase)
        let effect = try #require(story.effects.first)
        story.apply(.troubled(effect, message: "the API did not answer"))
        try story.runOut()
        #expect(story.release.failure == Failure(phase: phase, message: "timed out: the API did not answer"))
    }

    @Test("a pause without a promotion aborts the release")
    func verifyThenAbort() throws {
        var story = try Story.reaching(.verifying, verify: true)
        try story.runOut()
        #expect(story.release.cause == .verificationExpired)
        #expect(story.release.failure == nil)
        story.apply(.readBack(Story.readings(.blue)))
        story.apply(.candidateRemoved)
        #expect(story.state == .aborted)
    }

    @Test("or moves the traffic, where the app is configured so")
    func verifyThenPromote() throws {
        var rules = Rules()
        rules.afterVerifyTimeout = .promote
        var story = try Story.reaching(.verifying, verify: true, rules: rules)
        try story.runOut()
        #expect(story.phase == .switching)
        #expect(story.effects == [.confirmCandidate])
        story.reach(.done)
        #expect(story.state == .live)
    }

    @Test("a deadline event that is too early, or for another phase, is ignored")
    func early() throws {
        for phase in [Phase.discovering, .creating, .starting, .staging, .verifying, .switching] {
            var story = try Story.reaching(phase, verify: true)
            let timer = try #require(story.release.timer)
            story.apply(.deadlinePassed(phase), at: timer.at + .milliseconds(-1))
            #expect(!story.release.isBackingOut)
            for other in Phase.allCases where other != phase {
                story.apply(.deadlinePassed(other), at: timer.at)
                #expect(!story.release.isBackingOut)
                #expect(story.phase == phase)
            }
        }
    }

    @Test("a deadline event right after an abort does not shorten the way back")
    func lateDeadline() throws {
        var story = try Story.reaching(.staging)
        let timer = try #require(story.release.timer)
        story.apply(.abortRequested(by: "anna", reason: nil), at: timer.at)
        story.apply(.deadlinePassed(.staging), at: timer.at)
        #expect(story.state == .running)
        #expect(story.effects == [.readBack])
    }

    @Test("the way back has a timeout too: what could not be reverted is named")
    func back() throws {
        var story = try Story.reaching(.draining)
        story.apply(.abortRequested(by: "anna", reason: nil))
        let turned = story.now
        story.apply(.nodeReverted(node: first))
        story.apply(.nodeFailed(.revert, problem(second, unreachable: true, "timed out")))
        #expect(story.release.timer?.at == turned + .seconds(120))
        try story.runOut()
        #expect(story.state == .rolledBack)
        #expect(story.release.needRepair == [NodeReading(node: second, color: nil, message: "timed out")])
        #expect(story.effects == [])
        #expect(story.release.leftovers.map(\.kind) == [.record, .workload])
    }

    @Test("a way back that times out names the candidate that it leaves, its pods, and the reason")
    func backLeavesCandidate() throws {
        var story = try Story.reaching(.starting)
        let pods = [PodSummary(name: "blog-green-1", isReady: true), PodSummary(name: "blog-green-2", isReady: false)]
        story.apply(.podsObserved(PodsReport(ready: 1, desired: 2, pods: pods)))
        story.apply(.abortRequested(by: "anna", reason: nil))
        story.apply(.readBack(Story.readings(.blue)))
        story.apply(.troubled(.removeCandidate, message: "a webhook refuses it"))
        try story.runOut()
        #expect(story.state == .aborted)
        #expect(story.release.needRepair == [])
        #expect(
            story.release.leftovers == [
                Leftover(
                    .workload, LiveVersion(color: .green, version: Story.version),
                    pods: ["blog-green-1", "blog-green-2"], message: "a webhook refuses it")
            ])
    }

    @Test("one that had created nothing leaves nothing")
    func backLeavesNothing() throws {
        var story = try Story.reaching(.discovering)
        story.apply(.abortRequested(by: "anna", reason: nil))
        try story.runOut()
        #expect(story.state == .aborted)
        #expect(story.release.leftovers == [])
    }
}
