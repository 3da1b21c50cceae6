import Testing

@testable import ReleaseMachine

@Suite("A release on its way back")
struct WayBackTests {
    private let first = Story.nodes[0]
    private let second = Story.nodes[1]

    @Test(
        "an abort before any node was told to switch only deletes the candidate",
        arguments: [Phase.discovering, .creating, .starting, .staging, .verifying, .switching])
    func abortBeforeSwitch(_ phase: Phase) throws {
        var story = try Story.reaching(phase, verify: true)
        story.apply(.abortRequested(by: "anna", reason: "wrong version"))
        #expect(story.release.cause == .aborted(by: "anna", reason: "wrong version"))
        #expect(story.state == .running)
        #expect(story.phase == phase)
        if phase > .discovering {
            #expect(story.effects == [.readBack])
            story.apply(.readBack(Story.readings(.blue)))
        }
        #expect(story.effects == [.removeCandidate])
        story.apply(.candidateRemoved)
        #expect(story.state == .aborted)
        #expect(story.phase == .done)
        #expect(story.release.needRepair == [])
    }

    @Test("an abort before any node has reported its switch ends as aborted")
    func abortConfirmed() throws {
        var story = try Story.reaching(.switching)
        story.apply(.candidateConfirmed)
        story.apply(.abortRequested(by: "anna", reason: nil))
        // Only the canary was told to switch; the other node is not touched.
        #expect(story.effects == [.revertNode(node: first)])
        story.apply(.nodeReverted(node: first))
        story.apply(.readBack(Story.readings(.blue)))
        story.apply(.candidateRemoved)
        #expect(story.state == .aborted)
    }

    @Test("once a node has switched, an abort ends as rolled back")
    func abortAfterSwitch() throws {
        var story = try Story.reaching(.switching)
        story.apply(.candidateConfirmed)
        story.apply(.nodeSwitched(node: first))
        story.apply(.abortRequested(by: "anna", reason: nil))
        #expect(story.effects == [.revertNode(node: first), .revertNode(node: second)])
        story.apply(.nodeReverted(node: first))
        story.apply(.nodeReverted(node: second))
        #expect(story.release.nodes.map(\.color) == [.blue, .blue])
        #expect(story.effects == [.readBack])
        story.apply(.readBack(Story.readings(.blue)))
        story.apply(.candidateRemoved)
        #expect(story.state == .rolledBack)
    }

    @Test("a node that finishes its switch just as the release backs out is reverted as well")
    func lateSwitch() throws {
        var story = try Story.reaching(.switching)
        story.apply(.candidateConfirmed)
        story.apply(.abortRequested(by: "anna", reason: nil))
        story.apply(.nodeSwitched(node: first))
        #expect(story.release.nodes[0].color == .green)
        #expect(story.effects.contains(.revertNode(node: first)))
        story.apply(.nodeReverted(node: first))
        story.apply(.nodeSwitched(node: first))
        #expect(story.release.nodes[0].state == .reverted)
        story.apply(.readBack(Story.readings(.blue)))
        story.apply(.candidateRemoved)
        #expect(story.state == .rolledBack)
    }

    @Test("from the drain on, the record in the cluster is reverted after the nodes")
    func abortWhileDraining() throws {
        for isRecorded in [false, true] {
            var story = try Story.reaching(.draining)
            if isRecorded { story.apply(.liveRecorded(.green)) }
            story.apply(.abortRequested(by: "anna", reason: nil))
            for node in Story.nodes { story.apply(.nodeReverted(node: node)) }
            #expect(story.effects == [.recordLive(.blue)])
            story.apply(.liveRecorded(.blue))
            #expect(story.release.recorded == .blue)
            #expect(story.effects == [.readBack])
            story.apply(.readBack(Story.readings(.blue)))
            story.apply(.candidateRemoved)
            #expect(story.state == .rolledBack)
        }
    }

    @Test("the release can be aborted until every node was read back, and no longer")
    func abortWhileRetiring() throws {
        var early = try Story.reaching(.retiring)
        early.apply(.abortRequested(by: "anna", reason: nil))
        #expect(early.release.isBackingOut)

        var late = try Story.reaching(.retiring)
        late.apply(.readBack(Story.readings(.green)))
        late.apply(.abortRequested(by: "anna", reason: nil))
        #expect(!late.release.isBackingOut)
        late.apply(.oldRemoved)
        late.apply(.abortRequested(by: "anna", reason: nil))
        #expect(late.state == .live)
    }

    @Test("an app's first release leaves its nodes as they are")
    func firstRelease() throws {
        var story = try Story.reaching(.switching, survey: Story.survey(live: nil))
        story.apply(.candidateConfirmed)
        story.apply(.nodeSwitched(node: first))
        story.apply(.abortRequested(by: "anna", reason: nil))
        #expect(story.effects == [.removeCandidate])
        story.apply(.candidateRemoved)
        #expect(story.state == .rolledBack)
    }

    // MARK: Failures

    @Test(
        "a refusal makes the release back out with the original message",
        arguments: [Phase.discovering, .creating, .starting, .switching])
    func refusal(_ phase: Phase) throws {
        var story = try Story.reaching(phase)
        let effect = try #require(story.effects.first)
        story.apply(.refused(effect, message: "no", details: ["one", "two"]))
        #expect(story.release.failure == Failure(phase: phase, message: "no", details: ["one", "two"]))
        #expect(story.state == .running)
        if phase > .discovering { story.apply(.readBack(Story.readings(.blue))) }
        story.apply(.candidateRemoved)
        #expect(story.state == .failed)
        #expect(story.release.failure?.message == "no")
    }

    @Test("a refusal after traffic has moved is a problem, not a way back")
    func refusalWhileDraining() throws {
        var story = try Story.reaching(.draining)
        story.apply(.refused(.recordLive(.green), message: "forbidden", details: []))
        #expect(story.release.problem == "forbidden")
        #expect(!story.release.isBackingOut)
        #expect(story.effects == [.recordLive(.green)])
    }

    @Test("too many unreachable nodes: each is named, and nothing was created")
    func unreachable() throws {
        var story = try Story()
        story.apply(.discovered(Story.survey(unreachable: Story.nodes)))
        let failure = Failure(
            phase: .discovering, message: "2 of 2 nodes cannot be reached",
            details: ["\(first): timed out", "\(second): timed out"])
        #expect(story.release.failure == failure)
        #expect(story.effects == [.readBack])
    }

    @Test("staging waits for every node's answer, and names all that failed")
    func stagingFailures() throws {
        var story = try Story.reaching(.staging)
        story.apply(.nodeFailed(.stage, problem(first, "disk full")))
        #expect(!story.release.isBackingOut)
        #expect(story.effects == [.stage(node: second)])
        story.apply(.nodeFailed(.stage, problem(second, unreachable: true, "timed out")))
        let failure = Failure(
            phase: .staging, message: "2 of 2 nodes could not be staged",
            details: ["\(first): disk full", "\(second): timed out"])
        #expect(story.release.failure == failure)
        #expect(story.states == [.failed, .unreachable])
        #expect(story.effects == [.readBack])
    }

    @Test("a canary that fails is reverted at once, and no other node is touched")
    func canaryFailure() throws {
        for isUnreachable in [false, true] {
            var story = try Story.reaching(.switching)
            story.apply(.candidateConfirmed)
            story.apply(
                .nodeFailed(.change, problem(first, unreachable: isUnreachable, "no answer came through nginx")))
            let failure = Failure(
                phase: .switching, message: "1 of 2 nodes could not be switched",
                details: ["\(first): no answer came through nginx"])
            #expect(story.release.failure == failure)
            #expect(story.effects == [.revertNode(node: first)])
            story.apply(.nodeReverted(node: first))
            #expect(story.effects == [.readBack])
        }
    }

    @Test("when one node cannot switch, all that did are reverted, and so is that one")
    func switchFailure() throws {
        var story = try Story.reaching(.switching)
        story.apply(.candidateConfirmed)
        story.apply(.nodeSwitched(node: first))
        story.apply(.nodeFailed(.change, problem(second, "nginx: invalid parameter")))
        let failure = Failure(
            phase: .switching, message: "1 of 2 nodes could not be switched",
            details: ["\(second): nginx: invalid parameter"])
        #expect(story.release.failure == failure)
        #expect(story.effects == [.revertNode(node: first), .revertNode(node: second)])
        story.apply(.nodeReverted(node: first))
        story.apply(.nodeReverted(node: second))
        story.apply(.readBack(Story.readings(.blue)))
        story.apply(.candidateRemoved)
        #expect(story.state == .failed)
        #expect(story.release.needRepair == [])
    }

    @Test("while a node cannot be reverted the candidate's pods are kept, and the node is named")
    func givenUp() throws {
        var story = try Story.reaching(.draining)
        story.apply(.abortRequested(by: "anna", reason: nil))
        story.apply(.nodeReverted(node: first))
        for _ in 1...3 {
            #expect(story.effects == [.revertNode(node: second)])
            story.apply(.nodeFailed(.revert, problem(second, unreachable: true, "timed out")))
        }
        #expect(story.effects == [.recordLive(.blue)])
        story.apply(.liveRecorded(.blue))
        let silent = NodeReading(node: second, color: nil, isUnreachable: true, message: "timed out")
        story.apply(.readBack([NodeReading(node: first, color: .blue), silent]))
        #expect(story.state == .rolledBack)
        #expect(story.release.needRepair == [silent])
        #expect(story.effects == [])
    }

    @Test("when a node was reverted after all, the candidate is deleted")
    func cameBack() throws {
        var story = try Story.reaching(.switching)
        story.apply(.candidateConfirmed)
        story.apply(.nodeSwitched(node: first))
        story.apply(.abortRequested(by: "anna", reason: nil))
        story.apply(.nodeReverted(node: first))
        for _ in 1...3 { story.apply(.nodeFailed(.revert, problem(second, unreachable: true))) }
        story.apply(.readBack(Story.readings(.blue)))
        #expect(story.release.needRepair == [])
        #expect(story.effects == [.removeCandidate])
    }

    @Test("the candidate is kept while a machine that joined routes to it")
    func joinedMachine() throws {
        var story = try Story.reaching(.staging)
        story.apply(.abortRequested(by: "anna", reason: nil))
        let joined = NodeReading(node: "10.122.44.9", color: .green)
        story.apply(.readBack(Story.readings(.blue) + [joined]))
        #expect(story.state == .aborted)
        #expect(story.release.needRepair == [joined])
    }

    @Test(
        "it is kept too while a machine that joined does not answer, but not for a known node that was never switched")
    func unknownMachine() throws {
        var story = try Story.reaching(.staging)
        story.apply(.abortRequested(by: "anna", reason: nil))
        let joined = NodeReading(node: "10.122.44.9", color: nil, isUnreachable: true)
        let ours = NodeReading(node: second, color: nil, isUnreachable: true)
        story.apply(.readBack([NodeReading(node: first, color: .blue), ours, joined]))
        #expect(story.release.needRepair == [joined])

        var second = try Story.reaching(.staging)
        second.apply(.abortRequested(by: "anna", reason: nil))
        second.apply(.readBack([NodeReading(node: first, color: .blue), ours]))
        #expect(second.effects == [.removeCandidate])
    }

    @Test("a node that the inventory no longer lists need not be reverted")
    func leftOnTheWayBack() throws {
        var story = try Story.reaching(.draining)
        story.apply(.abortRequested(by: "anna", reason: nil))
        story.apply(.nodesLeft([first]))
        #expect(story.effects == [.revertNode(node: second)])
        story.apply(.nodesLeft([second]))
        #expect(story.effects == [.recordLive(.blue)])
    }

    @Test("an error on the way back is shown, and never ends it")
    func problemOnWayBack() throws {
        var story = try Story.reaching(.staging)
        story.apply(.abortRequested(by: "anna", reason: nil))
        story.apply(.troubled(.readBack, message: "no answer"))
        #expect(story.release.problem == "no answer")
        story.apply(.readBack(Story.readings(.blue)))
        story.apply(.refused(.removeCandidate, message: "forbidden", details: []))
        #expect(story.release.problem == "forbidden")
        #expect(story.effects == [.removeCandidate])
        #expect(story.state == .running)
    }

    @Test("the first cause stays: an abort of a release that is already going back changes nothing")
    func firstCause() throws {
        var story = try Story.reaching(.starting)
        story.apply(.refused(.awaitPods, message: "crashes", details: []))
        story.apply(.abortRequested(by: "anna", reason: nil))
        story.apply(.promoted(by: "ben"))
        #expect(story.release.failure?.message == "crashes")
    }
}
