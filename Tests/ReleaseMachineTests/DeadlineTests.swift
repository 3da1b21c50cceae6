import Testing

@testable import ReleaseMachine

@Suite("Each phase has a clock of its own")
struct DeadlineTests {
    private let first = Story.nodes[0]
    private let second = Story.nodes[1]

    private static var rules: Rules {
        var rules = Rules()
        rules.patience = .seconds(60)
        rules.readyTimeout = .seconds(600)
        rules.stageTimeout = .seconds(360)
        rules.verifyTimeout = .seconds(3600)
        return rules
    }

    @Test(
        "how long a phase may take, counted from its start",
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

    // MARK: Absence

    @Test(
        "what machines do has its time while somebody runs the release: it is counted from the last take-up",
        arguments: [Phase.discovering, .creating, .starting, .staging, .switching, .retiring],
        [Event.takenUp(by: "ben"), .resumed(milliseconds: 7_200_000)])
    func absence(_ phase: Phase, _ event: Event) throws {
        var story = try Story.reaching(phase, rules: Self.rules)
        let length = try #require(story.release.timer).at - story.now
        story.tell(event, at: story.now + .seconds(7200))
        #expect(story.release.timer?.at == story.now + length)
        try story.runOut()
        #expect(story.release.isBackingOut == (phase != .retiring))
    }

    @Test("an absence takes none of the time of the switch, nor of the way back")
    func absenceInTheMiddle() throws {
        var switching = try Story.reaching(.switching, rules: Self.rules)
        switching.tell(.candidateConfirmed)
        switching.tell(.takenUp(by: "ben"), at: switching.now + .seconds(7200))
        #expect(switching.release.timer?.at == switching.now + .seconds(60))

        var back = try Story.reaching(.draining, rules: Self.rules)
        back.tell(.abortRequested(by: "anna", reason: nil))
        back.tell(.takenUp(by: "ben"), at: back.now + .seconds(7200))
        #expect(back.release.timer?.at == back.now + .seconds(120))
        #expect(back.effects == [.revertNode(node: first), .revertNode(node: second)])
    }

    @Test("what people were promised stays a point in time: the end of the pause, the bounds of the drain")
    func promises() throws {
        var paused = try Story.reaching(.verifying, verify: true, rules: Self.rules)
        let end = try #require(paused.release.verifyDeadline)
        paused.tell(.takenUp(by: "ben"), at: paused.now + .seconds(7200))
        #expect(paused.release.verifyDeadline == end)
        #expect(paused.release.timer?.at == end)
        paused.tell(.deadlinePassed(.verifying))
        #expect(paused.release.cause == .verificationExpired)

        var draining = try Story.reaching(.draining, rules: Self.rules)
        let bounds = try #require(draining.release.drainBounds)
        draining.tell(.takenUp(by: "ben"), at: draining.now + .seconds(7200))
        #expect(draining.release.drainBounds == bounds)
    }

    @Test("time never goes back: a word from a machine whose clock is behind begins a way back that has all its time")
    func slowClock() throws {
        var story = try Story.reaching(.draining, rules: Self.rules)
        let newest = story.now
        story.tell(.abortRequested(by: "anna", reason: nil), at: newest + .seconds(-200))
        #expect(story.release.timer?.at == newest + .seconds(120))
        #expect(story.state == .running)
        #expect(story.release.spans.allSatisfy { $0.startedAt <= newest })
    }

    @Test(
        "a deadline that an earlier version wrote ends its release as it did then, whatever an absence would be worth today"
    )
    func writtenByEarlierVersions() throws {
        var rules = Self.rules
        rules.edition = nil
        var absent = try Story.reaching(.staging, rules: rules)
        let staging = absent.now
        absent.tell(.takenUp(by: "ben"), at: staging + .seconds(300))
        absent.tell(.deadlinePassed(.staging), at: staging + .seconds(360))
        #expect(absent.release.failure?.phase == .staging)

        var slow = try Story.reaching(.staging, rules: rules)
        let newest = slow.now
        slow.tell(.abortRequested(by: "anna", reason: nil), at: newest + .seconds(-200))
        slow.tell(.deadlinePassed(.staging), at: newest + .seconds(1))
        #expect(slow.state == .aborted)
    }

    // MARK: When traffic has moved

    @Test("no clock turns a release back whose nodes have all switched: it is live, and says what it leaves")
    func retiring() throws {
        var story = try Story.reaching(.retiring, rules: Self.rules)
        #expect(story.release.timer?.at == story.now + .seconds(120))
        story.tell(.troubled(.readBack, message: "the inventory does not answer"))
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
        "a record that cannot be written ends the release as live: what is to be written is left, and nothing is deleted"
    )
    func unrecorded() throws {
        var story = try Story.reaching(.draining, rules: Self.rules)
        let bounds = try #require(story.release.drainBounds)
        #expect(story.release.timer?.at == bounds.upperBound + .seconds(120))
        story.tell(.troubled(.recordLive(.green), message: "forbidden"))
        try story.runOut()
        #expect(story.state == .live)
        #expect(
            story.release.leftovers == [
                Leftover(.record, LiveVersion(color: .green, version: Story.version), message: "forbidden"),
                Leftover(.workload, LiveVersion(color: .blue, version: "20151018.090000"), message: "forbidden"),
            ])
    }

    @Test("a drain that nobody ends is over when its time is, and the nodes are read back")
    func drainHangs() throws {
        var story = try Story.reaching(.draining, rules: Self.rules)
        story.tell(.liveRecorded(.green))
        try story.runOut()
        #expect(story.phase == .retiring)
        #expect(story.effects == [.readBack])
        #expect(story.release.drain == nil)
    }

    @Test("the time of the switch is the canary's, and then that of all others")
    func canaryClock() throws {
        var story = try Story.reaching(.switching, rules: Self.rules)
        story.tell(.candidateConfirmed)
        let confirmed = story.now
        story.tell(.nodeSwitched(node: first), at: confirmed + .seconds(50))
        #expect(story.release.timer?.at == confirmed + .seconds(110))

        var silent = try Story.reaching(.switching, rules: Self.rules)
        silent.tell(.candidateConfirmed)
        try silent.runOut()
        // The other node was not asked.
        #expect(silent.release.failure?.details == ["\(first): no answer"])
    }

    @Test("pods that are not ready in time fail the release, and each one's reason is told")
    func starting() throws {
        var story = try Story.reaching(.starting)
        #expect(story.release.readyDeadline == story.now + .seconds(600))
        let pods = [
            PodSummary(name: "blog-green-1", isReady: true),
            PodSummary(name: "blog-green-2", isReady: false, reason: "running, not ready yet"),
            PodSummary(name: "blog-green-3", isReady: false),
        ]
        let report = PodsReport(ready: 1, desired: 4, pods: pods, warnings: ["exceeded quota: pods"])
        story.tell(.podsObserved(report))
        try story.runOut()
        #expect(
            story.release.failure
                == Failure(
                    phase: .starting,
                    message: "time ran out: 1 of 4 pods are ready",
                    details: [
                        "exceeded quota: pods", "blog-green-2: running, not ready yet", "blog-green-3: not ready",
                    ]
                ))

        var unseen = try Story.reaching(.starting)
        try unseen.runOut()
        #expect(unseen.release.failure?.message == "time ran out: no pod was seen")
    }

    @Test("nodes that are not staged in time are named")
    func staging() throws {
        var story = try Story.reaching(.staging)
        story.tell(.nodeStaged(node: first))
        try story.runOut()
        let failure = Failure(
            phase: .staging, message: "1 of 2 nodes could not be staged in time", details: ["\(second): no answer"])
        #expect(story.release.failure == failure)
        #expect(story.states == [.staged, .pending])
    }

    @Test("nodes that are not switched in time are named, and those that were go back")
    func switching() throws {
        var story = try Story.reaching(.switching)
        story.tell(.candidateConfirmed)
        story.tell(.nodeSwitched(node: first))
        try story.runOut()
        let failure = Failure(
            phase: .switching, message: "1 of 2 nodes could not be switched in time", details: ["\(second): no answer"])
        #expect(story.release.failure == failure)
        #expect(story.effects == [.revertNode(node: first), .revertNode(node: second)])
    }

    @Test(
        "what was being tried is told when the time of a short step runs out",
        arguments: [Phase.discovering, .creating, .switching])
    func patience(_ phase: Phase) throws {
        var quiet = try Story.reaching(phase)
        try quiet.runOut()
        #expect(quiet.release.failure == Failure(phase: phase, message: "time ran out"))

        var story = try Story.reaching(phase)
        let effect = try #require(story.effects.first)
        story.tell(.troubled(effect, message: "the API did not answer"))
        try story.runOut()
        #expect(story.release.failure == Failure(phase: phase, message: "time ran out: the API did not answer"))
    }

    @Test("a pause that nobody ends gives the candidate up")
    func verifyThenAbort() throws {
        var story = try Story.reaching(.verifying, verify: true)
        try story.runOut()
        #expect(story.release.cause == .verificationExpired)
        #expect(story.release.failure == nil)
        story.tell(.readBack(Story.readings(.blue)))
        story.tell(.candidateRemoved)
        #expect(story.state == .aborted)
    }

    @Test("or moves the traffic, where the app says so")
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

    @Test("a deadline that comes too early, or for another phase, means nothing")
    func early() throws {
        for phase in [Phase.discovering, .creating, .starting, .staging, .verifying, .switching] {
            var story = try Story.reaching(phase, verify: true)
            let timer = try #require(story.release.timer)
            story.tell(.deadlinePassed(phase), at: timer.at + .milliseconds(-1))
            #expect(!story.release.isBackingOut)
            for other in Phase.allCases where other != phase {
                story.tell(.deadlinePassed(other), at: timer.at)
                #expect(!story.release.isBackingOut)
                #expect(story.phase == phase)
            }
        }
    }

    @Test("a deadline behind the word that turned the release back does not cut the way back short")
    func lateDeadline() throws {
        var story = try Story.reaching(.staging)
        let timer = try #require(story.release.timer)
        story.tell(.abortRequested(by: "anna", reason: nil), at: timer.at)
        story.tell(.deadlinePassed(.staging), at: timer.at)
        #expect(story.state == .running)
        #expect(story.effects == [.readBack])
    }

    @Test("the way back has a clock too: what could not be undone is named")
    func back() throws {
        var story = try Story.reaching(.draining)
        story.tell(.abortRequested(by: "anna", reason: nil))
        let turned = story.now
        story.tell(.nodeReverted(node: first))
        story.tell(.nodeFailed(.revert, trouble(second, unreachable: true, "timed out")))
        #expect(story.release.timer?.at == turned + .seconds(120))
        try story.runOut()
        #expect(story.state == .rolledBack)
        #expect(story.release.needRepair == [NodeReading(node: second, color: nil, message: "timed out")])
        #expect(story.effects == [])
        #expect(story.release.leftovers.map(\.kind) == [.record, .workload])
    }

    @Test("a way back whose time runs out names the candidate that it leaves, its pods, and what stood in the way")
    func backLeavesCandidate() throws {
        var story = try Story.reaching(.starting)
        let pods = [PodSummary(name: "blog-green-1", isReady: true), PodSummary(name: "blog-green-2", isReady: false)]
        story.tell(.podsObserved(PodsReport(ready: 1, desired: 2, pods: pods)))
        story.tell(.abortRequested(by: "anna", reason: nil))
        story.tell(.readBack(Story.readings(.blue)))
        story.tell(.troubled(.removeCandidate, message: "a webhook refuses it"))
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

    @Test("one that had made nothing leaves nothing")
    func backLeavesNothing() throws {
        var story = try Story.reaching(.discovering)
        story.tell(.abortRequested(by: "anna", reason: nil))
        try story.runOut()
        #expect(story.state == .aborted)
        #expect(story.release.leftovers == [])
    }
}
