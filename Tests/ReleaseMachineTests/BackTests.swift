import Testing

@testable import ReleaseMachine

@Suite("A release on its way back")
struct BackTests {
    private let first = Story.nodes[0]
    private let second = Story.nodes[1]

    @Test(
        "an abort before any node was told to switch only takes the candidate away",
        arguments: [Phase.discovering, .creating, .starting, .staging, .verifying, .switching])
    func abortBeforeSwitch(_ phase: Phase) throws {
        var story = try Story.reaching(phase, verify: true)
        story.tell(.abortRequested(by: "anna", reason: "wrong version"))
        #expect(story.release.cause == .aborted(by: "anna", reason: "wrong version"))
        #expect(story.state == .running)
        #expect(story.phase == phase)
        if phase > .discovering {
            #expect(story.effects == [.readBack])
            story.tell(.readBack(Story.readings(.blue)))
        }
        #expect(story.effects == [.removeCandidate])
        story.tell(.candidateRemoved)
        #expect(story.state == .aborted)
        #expect(story.phase == .done)
        #expect(story.release.needRepair == [])
    }

    @Test("an abort of a switch that was ordered and has not happened on any node is an abort")
    func abortConfirmed() throws {
        var story = try Story.reaching(.switching)
        story.tell(.candidateConfirmed)
        story.tell(.abortRequested(by: "anna", reason: nil))
        // Only the canary was told; the other node is not touched.
        #expect(story.effects == [.revertNode(node: first)])
        story.tell(.nodeReverted(node: first))
        story.tell(.readBack(Story.readings(.blue)))
        story.tell(.candidateRemoved)
        #expect(story.state == .aborted)
    }

    @Test("once a node has switched, giving up is a rollback")
    func abortAfterSwitch() throws {
        var story = try Story.reaching(.switching)
        story.tell(.candidateConfirmed)
        story.tell(.nodeSwitched(node: first))
        story.tell(.abortRequested(by: "anna", reason: nil))
        #expect(story.effects == [.revertNode(node: first), .revertNode(node: second)])
        story.tell(.nodeReverted(node: first))
        story.tell(.nodeReverted(node: second))
        #expect(story.release.nodes.map(\.color) == [.blue, .blue])
        #expect(story.effects == [.readBack])
        story.tell(.readBack(Story.readings(.blue)))
        story.tell(.candidateRemoved)
        #expect(story.state == .rolledBack)
    }

    @Test("a node that finishes its switch just as the release turns back is brought back as well")
    func lateSwitch() throws {
        var story = try Story.reaching(.switching)
        story.tell(.candidateConfirmed)
        story.tell(.abortRequested(by: "anna", reason: nil))
        story.tell(.nodeSwitched(node: first))
        #expect(story.release.nodes[0].color == .green)
        #expect(story.effects.contains(.revertNode(node: first)))
        story.tell(.nodeReverted(node: first))
        story.tell(.nodeSwitched(node: first))
        #expect(story.release.nodes[0].state == .reverted)
        story.tell(.readBack(Story.readings(.blue)))
        story.tell(.candidateRemoved)
        #expect(story.state == .rolledBack)
    }

    @Test("from the drain on, the record in the cluster goes back after the nodes")
    func abortWhileDraining() throws {
        for isRecorded in [false, true] {
            var story = try Story.reaching(.draining)
            if isRecorded { story.tell(.liveRecorded(.green)) }
            story.tell(.abortRequested(by: "anna", reason: nil))
            for node in Story.nodes { story.tell(.nodeReverted(node: node)) }
            #expect(story.effects == [.recordLive(.blue)])
            story.tell(.liveRecorded(.blue))
            #expect(story.release.recorded == .blue)
            #expect(story.effects == [.readBack])
            story.tell(.readBack(Story.readings(.blue)))
            story.tell(.candidateRemoved)
            #expect(story.state == .rolledBack)
        }
    }

    @Test("the release can be given up until every node was read back, and no longer")
    func abortWhileRetiring() throws {
        var early = try Story.reaching(.retiring)
        early.tell(.abortRequested(by: "anna", reason: nil))
        #expect(early.release.isBackingOut)

        var late = try Story.reaching(.retiring)
        late.tell(.readBack(Story.readings(.green)))
        late.tell(.abortRequested(by: "anna", reason: nil))
        #expect(!late.release.isBackingOut)
        late.tell(.oldRemoved)
        late.tell(.abortRequested(by: "anna", reason: nil))
        #expect(late.state == .live)
    }

    @Test("an app's first release leaves its nodes as they are")
    func firstRelease() throws {
        var story = try Story.reaching(.switching, survey: Story.survey(live: nil))
        story.tell(.candidateConfirmed)
        story.tell(.nodeSwitched(node: first))
        story.tell(.abortRequested(by: "anna", reason: nil))
        #expect(story.effects == [.removeCandidate])
        story.tell(.candidateRemoved)
        #expect(story.state == .rolledBack)
    }

    // MARK: Failures

    @Test(
        "a refusal ends the way forward with its words",
        arguments: [Phase.discovering, .creating, .starting, .switching])
    func refusal(_ phase: Phase) throws {
        var story = try Story.reaching(phase)
        let effect = try #require(story.effects.first)
        story.tell(.refused(effect, message: "no", details: ["one", "two"]))
        #expect(story.release.failure == Failure(phase: phase, message: "no", details: ["one", "two"]))
        #expect(story.state == .running)
        if phase > .discovering { story.tell(.readBack(Story.readings(.blue))) }
        story.tell(.candidateRemoved)
        #expect(story.state == .failed)
        #expect(story.release.failure?.message == "no")
    }

    @Test("a refusal after traffic has moved is trouble, not a way back")
    func refusalWhileDraining() throws {
        var story = try Story.reaching(.draining)
        story.tell(.refused(.recordLive(.green), message: "forbidden", details: []))
        #expect(story.release.trouble == "forbidden")
        #expect(!story.release.isBackingOut)
        #expect(story.effects == [.recordLive(.green)])
    }

    @Test("too many unreachable nodes: each is named, and nothing was made")
    func unreachable() throws {
        var story = try Story()
        story.tell(.discovered(Story.survey(unreachable: Story.nodes)))
        let failure = Failure(
            phase: .discovering, message: "2 of 2 nodes cannot be reached",
            details: ["\(first): timed out", "\(second): timed out"])
        #expect(story.release.failure == failure)
        #expect(story.effects == [.readBack])
    }

    @Test("staging waits for every node's answer, and names all that failed")
    func stagingFailures() throws {
        var story = try Story.reaching(.staging)
        story.tell(.nodeFailed(.stage, trouble(first, "disk full")))
        #expect(!story.release.isBackingOut)
        #expect(story.effects == [.stage(node: second)])
        story.tell(.nodeFailed(.stage, trouble(second, unreachable: true, "timed out")))
        let failure = Failure(
            phase: .staging, message: "2 of 2 nodes could not be staged",
            details: ["\(first): disk full", "\(second): timed out"])
        #expect(story.release.failure == failure)
        #expect(story.states == [.failed, .unreachable])
        #expect(story.effects == [.readBack])
    }

    @Test("a canary that fails goes back at once, and no other node is touched")
    func canaryFailure() throws {
        for isUnreachable in [false, true] {
            var story = try Story.reaching(.switching)
            story.tell(.candidateConfirmed)
            story.tell(.nodeFailed(.change, trouble(first, unreachable: isUnreachable, "no answer came through nginx")))
            let failure = Failure(
                phase: .switching, message: "1 of 2 nodes could not be switched",
                details: ["\(first): no answer came through nginx"])
            #expect(story.release.failure == failure)
            #expect(story.effects == [.revertNode(node: first)])
            story.tell(.nodeReverted(node: first))
            #expect(story.effects == [.readBack])
        }
    }

    @Test("one node that cannot switch takes all others back, and is itself put right")
    func switchFailure() throws {
        var story = try Story.reaching(.switching)
        story.tell(.candidateConfirmed)
        story.tell(.nodeSwitched(node: first))
        story.tell(.nodeFailed(.change, trouble(second, "nginx: invalid parameter")))
        let failure = Failure(
            phase: .switching, message: "1 of 2 nodes could not be switched",
            details: ["\(second): nginx: invalid parameter"])
        #expect(story.release.failure == failure)
        #expect(story.effects == [.revertNode(node: first), .revertNode(node: second)])
        story.tell(.nodeReverted(node: first))
        story.tell(.nodeReverted(node: second))
        story.tell(.readBack(Story.readings(.blue)))
        story.tell(.candidateRemoved)
        #expect(story.state == .failed)
        #expect(story.release.needRepair == [])
    }

    @Test("a node that cannot be brought back keeps the candidate's pods, and is named")
    func givenUp() throws {
        var story = try Story.reaching(.draining)
        story.tell(.abortRequested(by: "anna", reason: nil))
        story.tell(.nodeReverted(node: first))
        for _ in 1...3 {
            #expect(story.effects == [.revertNode(node: second)])
            story.tell(.nodeFailed(.revert, trouble(second, unreachable: true, "timed out")))
        }
        #expect(story.effects == [.recordLive(.blue)])
        story.tell(.liveRecorded(.blue))
        let silent = NodeReading(node: second, color: nil, isUnreachable: true, message: "timed out")
        story.tell(.readBack([NodeReading(node: first, color: .blue), silent]))
        #expect(story.state == .rolledBack)
        #expect(story.release.needRepair == [silent])
        #expect(story.effects == [])
    }

    @Test("a node that came back after all lets the candidate go")
    func cameBack() throws {
        var story = try Story.reaching(.switching)
        story.tell(.candidateConfirmed)
        story.tell(.nodeSwitched(node: first))
        story.tell(.abortRequested(by: "anna", reason: nil))
        story.tell(.nodeReverted(node: first))
        for _ in 1...3 { story.tell(.nodeFailed(.revert, trouble(second, unreachable: true))) }
        story.tell(.readBack(Story.readings(.blue)))
        #expect(story.release.needRepair == [])
        #expect(story.effects == [.removeCandidate])
    }

    @Test("a machine that joined and routes to the candidate keeps it")
    func joinedMachine() throws {
        var story = try Story.reaching(.staging)
        story.tell(.abortRequested(by: "anna", reason: nil))
        let joined = NodeReading(node: "10.122.44.9", color: .green)
        story.tell(.readBack(Story.readings(.blue) + [joined]))
        #expect(story.state == .aborted)
        #expect(story.release.needRepair == [joined])
    }

    @Test("a machine that joined and cannot be asked keeps it too; one of ours that was never switched does not")
    func unknownMachine() throws {
        var story = try Story.reaching(.staging)
        story.tell(.abortRequested(by: "anna", reason: nil))
        let joined = NodeReading(node: "10.122.44.9", color: nil, isUnreachable: true)
        let ours = NodeReading(node: second, color: nil, isUnreachable: true)
        story.tell(.readBack([NodeReading(node: first, color: .blue), ours, joined]))
        #expect(story.release.needRepair == [joined])

        var second = try Story.reaching(.staging)
        second.tell(.abortRequested(by: "anna", reason: nil))
        second.tell(.readBack([NodeReading(node: first, color: .blue), ours]))
        #expect(second.effects == [.removeCandidate])
    }

    @Test("a node that the inventory no longer lists need not be brought back")
    func leftOnTheWayBack() throws {
        var story = try Story.reaching(.draining)
        story.tell(.abortRequested(by: "anna", reason: nil))
        story.tell(.nodesLeft([first]))
        #expect(story.effects == [.revertNode(node: second)])
        story.tell(.nodesLeft([second]))
        #expect(story.effects == [.recordLive(.blue)])
    }

    @Test("trouble on the way back is shown, and never ends it")
    func troubleBack() throws {
        var story = try Story.reaching(.staging)
        story.tell(.abortRequested(by: "anna", reason: nil))
        story.tell(.troubled(.readBack, message: "no answer"))
        #expect(story.release.trouble == "no answer")
        story.tell(.readBack(Story.readings(.blue)))
        story.tell(.refused(.removeCandidate, message: "forbidden", details: []))
        #expect(story.release.trouble == "forbidden")
        #expect(story.effects == [.removeCandidate])
        #expect(story.state == .running)
    }

    @Test("the first cause stays: an abort of what is already going back changes nothing")
    func firstCause() throws {
        var story = try Story.reaching(.starting)
        story.tell(.refused(.awaitPods, message: "crashes", details: []))
        story.tell(.abortRequested(by: "anna", reason: nil))
        story.tell(.promoted(by: "ben"))
        #expect(story.release.failure?.message == "crashes")
    }
}
