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

    @Test("when traffic has moved no clock turns the release back", arguments: [Phase.draining, .retiring, .done])
    func noTimer(_ phase: Phase) throws {
        #expect(try Story.reaching(phase).release.timer == nil)
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
    }
}
