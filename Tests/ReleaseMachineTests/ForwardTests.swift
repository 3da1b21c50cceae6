import Testing

@testable import ReleaseMachine

@Suite("A release on its way forward")
struct ForwardTests {
    private let first = Story.nodes[0]
    private let second = Story.nodes[1]

    @Test("it begins with a request and nothing else")
    func beginning() throws {
        let story = try Story()
        #expect(story.phase == .discovering)
        #expect(story.state == .running)
        #expect(story.effects == [.survey])
        #expect(story.release.order.name == "blog/42")
        #expect(story.release.createdAt == Story.start)
        let other = RecordedEvent(sequence: 1, at: Story.start, event: .podsReady)
        #expect(Release(other) == nil)
        #expect(Release(folding: []) == nil)
        #expect(Release(folding: [other]) == nil)
    }

    @Test("every phase has its own effects, and the next begins when they are done")
    func phases() throws {
        var story = try Story()
        story.apply(.discovered(Story.survey()))
        #expect(story.phase == .creating)
        #expect(story.effects == [.createCandidate])
        #expect(story.release.candidate == .green)
        #expect(story.release.previous == LiveVersion(color: .blue, version: "20151018.090000"))
        #expect(story.release.nodes.map(\.color) == [.blue, .blue])

        story.apply(.candidateCreated)
        #expect(story.phase == .starting)
        #expect(story.effects == [.awaitPods, .prepare(node: first), .prepare(node: second)])

        story.apply(.nodePrepared(node: second))
        #expect(story.effects == [.awaitPods, .prepare(node: first)])

        let report = PodsReport(ready: 1, desired: 3, pods: [PodSummary(name: "blog-green-1", isReady: true)])
        story.apply(.podsObserved(report))
        #expect(story.release.pods == report)
        #expect(story.phase == .starting)

        story.apply(.podsReady)
        #expect(story.phase == .staging)
        #expect(story.effects == [.stage(node: first), .stage(node: second)])

        story.apply(.nodeStaged(node: second))
        #expect(story.phase == .staging)
        #expect(story.effects == [.stage(node: first)])

        story.apply(.nodeStaged(node: first))
        #expect(story.phase == .switching)
        #expect(story.effects == [.confirmCandidate])
        #expect(!story.release.hasMovedTraffic)

        story.apply(.candidateConfirmed)
        #expect(story.effects == [.switchNode(node: first)])
        #expect(story.release.hasMovedTraffic)

        story.apply(.nodeSwitched(node: first))
        #expect(story.effects == [.switchNode(node: second)])
        #expect(story.release.nodes.map(\.color) == [.green, .blue])

        story.apply(.nodeSwitched(node: second))
        #expect(story.phase == .draining)
        #expect(story.effects == [.recordLive(.green)])

        story.apply(.liveRecorded(.green))
        #expect(story.release.recorded == .green)
        #expect(story.effects == [.drain])

        let evidence = DrainEvidence(open: [.init(node: first, connections: 1, oldWorkers: 1)])
        story.apply(.drained(evidence))
        #expect(story.phase == .retiring)
        #expect(story.release.drain == evidence)
        #expect(story.effects == [.readBack])

        story.apply(.readBack(Story.readings(.green)))
        #expect(story.effects == [.removeOld])

        story.apply(.oldRemoved)
        #expect(story.phase == .done)
        #expect(story.state == .live)
        #expect(story.effects == [])
        #expect(story.release.endedAt == story.now)
        #expect(story.release.spans.map(\.phase) == Phase.allCases.filter { $0 != .verifying })
        #expect(zip(story.release.spans, story.release.spans.dropFirst()).allSatisfy { $0.endedAt == $1.startedAt })
    }

    @Test("an old colour at which new connections arrive is kept, and their sources are named")
    func stillArriving() throws {
        let first = try #require(Story.survey().nodes.first)
        func drained(arriving: Int?) throws -> Story {
            var story = try Story.reaching(.draining)
            story.apply(.liveRecorded(.green))
            let open = DrainEvidence.Open(
                node: first, connections: 1, oldWorkers: 0, arriving: arriving,
                sources: arriving.map { _ in ["10.0.0.7"] })
            story.apply(.drained(DrainEvidence(open: [open])))
            story.apply(.readBack(Story.readings(.green)))
            return story
        }
        let kept = try drained(arriving: 3)
        #expect(kept.state == .live)
        #expect(kept.effects == [])
        let leftover = try #require(kept.release.leftovers.first)
        #expect(leftover.kind == .workload && leftover.version.color == .blue)
        #expect(leftover.message?.contains("10.0.0.7") == true && leftover.message?.contains(first) == true)
        // Connections that are only still open had the drain's time.
        #expect(try drained(arriving: nil).effects == [.removeOld])
        #expect(try drained(arriving: 0).effects == [.removeOld])
    }

    @Test("with verify it pauses when all nodes are staged, and continues when promoted")
    func pause() throws {
        var story = try Story.reaching(.verifying, verify: true)
        #expect(story.state == .paused)
        #expect(story.effects == [])
        #expect(story.release.verifyDeadline == story.now + .seconds(3600))
        story.apply(.promoted(by: "anna"))
        #expect(story.phase == .switching)
        #expect(story.state == .running)
        #expect(story.release.verifyDeadline == nil)
        #expect(story.effects == [.confirmCandidate])
    }

    @Test("the drain is counted from the last node's switch")
    func drainBounds() throws {
        var rules = Rules()
        rules.drainLeast = .seconds(30)
        rules.drainMost = .seconds(300)
        let story = try Story.reaching(.draining, rules: rules)
        #expect(story.release.drainBounds == (story.now + .seconds(30))...(story.now + .seconds(300)))
        rules.drainMost = .seconds(5)
        let short = try Story.reaching(.draining, rules: rules)
        #expect(short.release.drainBounds == (short.now + .seconds(30))...(short.now + .seconds(30)))
        #expect(try Story().release.drainBounds == nil)
    }

    @Test(
        "nothing drains before it is written down who is live, and nothing is deleted before every node was read back")
    func order() throws {
        var story = try Story.reaching(.draining)
        story.apply(.drained(DrainEvidence()))
        #expect(story.phase == .draining)
        story.apply(.liveRecorded(.green))
        story.apply(.drained(DrainEvidence()))
        story.apply(.oldRemoved)
        #expect(story.phase == .retiring)
        story.apply(.oldRetained(until: story.now))
        #expect(story.phase == .retiring)
        #expect(story.release.retainedUntil == nil)
    }

    @Test("retain keeps the old colour's pods")
    func retain() throws {
        var rules = Rules()
        rules.retain = .seconds(600)
        var story = try Story.reaching(.retiring, rules: rules)
        story.apply(.readBack(Story.readings(.green)))
        #expect(story.effects == [.retainOld])
        let until = story.now + .seconds(600)
        story.apply(.oldRetained(until: until))
        #expect(story.state == .live)
        #expect(story.release.retainedUntil == until)
    }

    @Test("an app's first release has nothing to go back to and nothing to delete")
    func firstRelease() throws {
        let survey = Story.survey(live: nil)
        var story = try Story.reaching(.retiring, survey: survey)
        #expect(story.release.candidate == .blue)
        #expect(story.release.nodes.map(\.color) == [.blue, .blue])
        story.apply(.readBack(Story.readings(.blue)))
        #expect(story.effects == [.removeOld])
        story.apply(.oldRemoved)
        #expect(story.state == .live)

        var rules = Rules()
        rules.retain = .seconds(600)
        var retaining = try Story.reaching(.retiring, rules: rules, survey: survey)
        retaining.apply(.readBack(Story.readings(.blue)))
        #expect(retaining.state == .live)
        #expect(retaining.release.retainedUntil == nil)
    }

    // MARK: The canary

    private static let three = Survey(
        live: LiveVersion(color: .blue, version: "20151018.090000"), candidate: .green, replicas: 3,
        nodes: Story.nodes + ["10.122.44.9"])

    @Test("no second node switches before the first is verified; then all others do, at once")
    func canary() throws {
        var story = try Story.reaching(.switching, survey: Self.three)
        story.apply(.candidateConfirmed)
        #expect(story.effects == [.switchNode(node: first)])
        story.apply(.troubled(.switchNode(node: first), message: "no answer"))
        #expect(story.effects == [.switchNode(node: first)])
        story.apply(.nodeSwitched(node: first))
        #expect(story.effects == [.switchNode(node: second), .switchNode(node: "10.122.44.9")])
    }

    @Test("an unreachable canary proves nothing: where that is tolerated, the next node is the canary")
    func unreachableCanary() throws {
        var rules = Rules()
        rules.tolerate = 1
        var story = try Story.reaching(.switching, rules: rules, survey: Self.three)
        story.apply(.candidateConfirmed)
        story.apply(.nodeFailed(.change, problem(first, unreachable: true)))
        #expect(story.effects == [.switchNode(node: second)])
        story.apply(.nodeSwitched(node: second))
        #expect(story.effects == [.switchNode(node: "10.122.44.9")])
    }

    @Test("a release without any participating node does not go live, whatever is tolerated")
    func nobody() throws {
        var rules = Rules()
        rules.tolerate = 2
        var surveyed = try Story(rules: rules)
        surveyed.apply(.discovered(Story.survey(unreachable: Story.nodes)))
        #expect(surveyed.release.failure?.message == "2 of 2 nodes cannot be reached")
        var switching = try Story.reaching(.switching, rules: rules)
        switching.apply(.candidateConfirmed)
        for node in Story.nodes { switching.apply(.nodeFailed(.change, problem(node, unreachable: true))) }
        #expect(switching.release.failure?.message == "2 of 2 nodes could not be switched")
    }

    // MARK: Nodes that do not answer

    @Test("tolerate allows as many unreachable nodes, and what they may route to is never deleted")
    func tolerate() throws {
        var rules = Rules()
        rules.tolerate = 1
        let survey = Story.survey(unreachable: [second])
        var story = try Story.reaching(.switching, rules: rules, survey: survey)
        #expect(story.states == [.staged, .unreachable])
        story.apply(.candidateConfirmed)
        #expect(story.effects == [.switchNode(node: first)])
        story.reach(.retiring, survey: survey)
        story.apply(
            .readBack([
                NodeReading(node: first, color: .green), NodeReading(node: second, color: nil, isUnreachable: true),
            ]))
        #expect(story.state == .live)
        #expect(story.release.needRepair.map(\.node) == [second])
        #expect(story.effects == [])
    }

    @Test("a tolerated node that later routes to the new colour needs no repair")
    func toleratedNodeIsBack() throws {
        var rules = Rules()
        rules.tolerate = 1
        var story = try Story.reaching(.retiring, rules: rules, survey: Story.survey(unreachable: [second]))
        story.apply(.readBack(Story.readings(.green)))
        #expect(story.release.needRepair == [])
        #expect(story.effects == [.removeOld])
    }

    @Test("a node becomes unreachable while it is staged or switched: tolerated as well")
    func toleratedLater() throws {
        var rules = Rules()
        rules.tolerate = 1
        var staging = try Story.reaching(.staging, rules: rules)
        staging.apply(.nodeFailed(.stage, problem(second, unreachable: true)))
        staging.apply(.nodeStaged(node: first))
        #expect(staging.phase == .switching)
        staging.apply(.candidateConfirmed)
        #expect(staging.effects == [.switchNode(node: first)])

        var switching = try Story.reaching(.switching, rules: rules)
        switching.apply(.candidateConfirmed)
        switching.apply(.nodeFailed(.change, problem(first, unreachable: true)))
        #expect(switching.release.nodes[0].color == nil)
        switching.apply(.nodeSwitched(node: second))
        #expect(switching.phase == .draining)
    }

    @Test("a node that answers and refuses is never tolerated")
    func failedIsNotTolerated() throws {
        var rules = Rules()
        rules.tolerate = 2
        var story = try Story.reaching(.staging, rules: rules)
        story.apply(.nodeFailed(.stage, problem(second)))
        story.apply(.nodeStaged(node: first))
        #expect(story.release.failure?.message == "1 of 2 nodes could not be staged")
    }

    // MARK: Machines that are removed

    @Test("a node that the inventory no longer lists does not take part any more")
    func left() throws {
        var staging = try Story.reaching(.staging)
        staging.apply(.nodeStaged(node: first))
        staging.apply(.nodesLeft([second]))
        #expect(staging.phase == .switching)
        #expect(staging.release.nodes.map(\.address) == [first])

        var canary = try Story.reaching(.switching, survey: Self.three)
        canary.apply(.candidateConfirmed)
        canary.apply(.nodesLeft([first]))
        #expect(canary.effects == [.switchNode(node: second)])
        canary.apply(.nodeSwitched(node: second))
        canary.apply(.nodesLeft(["10.122.44.9"]))
        #expect(canary.phase == .draining)

        var retiring = try Story.reaching(.retiring)
        retiring.apply(.nodesLeft([second]))
        retiring.apply(.readBack(Story.readings(.green, of: [first])))
        #expect(retiring.effects == [.removeOld])
        #expect(retiring.release.needRepair == [])
    }

    @Test("when the inventory lists none of the nodes any more before one has switched, the release fails")
    func allLeft() throws {
        var story = try Story.reaching(.staging)
        story.apply(.nodesLeft([first]))
        story.apply(.nodesLeft([second]))
        #expect(story.release.failure?.message == "the inventory no longer lists any of the nodes")
        var draining = try Story.reaching(.draining)
        draining.apply(.nodesLeft(Story.nodes))
        #expect(!draining.release.isBackingOut)
    }

    @Test("every node that needs repair is named at the end, including a machine that joined since")
    func needRepair() throws {
        var story = try Story.reaching(.retiring)
        let joined = NodeReading(node: "10.122.44.9", color: nil, isNew: true, message: "has no file yet")
        let edited = NodeReading(node: second, color: .blue, message: "edited by hand")
        story.apply(.readBack([NodeReading(node: first, color: .green), edited, joined]))
        #expect(story.state == .live)
        #expect(story.release.needRepair == [edited, joined])
        #expect(story.release.nodes.map(\.address) == [first, second, "10.122.44.9"])
        #expect(story.release.nodes.map(\.color) == [.green, .blue, nil])
        #expect(story.release.nodes[1].problem == "edited by hand")
    }

    // MARK: After the end

    @Test("a later deploy leaves this release superseded; a later rollback leaves it rolled back")
    func replaced() throws {
        for (rolledBack, state) in [(false, Release.State.superseded), (true, .rolledBack)] {
            var story = try Story.reaching(.done)
            story.apply(.replaced(by: 43, rolledBack: rolledBack))
            #expect(story.state == state)
            #expect(story.release.replacedBy == 43)
            story.apply(.replaced(by: 44, rolledBack: !rolledBack))
            #expect(story.state == state)
        }
    }

    @Test("a failed release stays failed, whatever follows")
    func replacedFailure() throws {
        var story = try Story()
        story.apply(.refused(.survey, message: "cluster and nodes disagree", details: []))
        story.apply(.readBack([]))
        story.apply(.candidateRemoved)
        #expect(story.state == .failed)
        story.apply(.replaced(by: 43, rolledBack: true))
        #expect(story.state == .failed)
    }

    @Test("the error of an effect that is retried is shown, and cleared in the next phase")
    func troubled() throws {
        var story = try Story.reaching(.creating)
        story.apply(.troubled(.createCandidate, message: "the API did not answer"))
        #expect(story.release.problem == "the API did not answer")
        #expect(story.phase == .creating)
        story.apply(.candidateCreated)
        #expect(story.release.problem == nil)

        var draining = try Story.reaching(.draining)
        draining.apply(.troubled(.recordLive(.green), message: "the API did not answer"))
        draining.apply(.liveRecorded(.green))
        #expect(draining.release.problem == nil)
    }

    @Test("a log line, or that the release was resumed, changes nothing but the time")
    func said() throws {
        var story = try Story.reaching(.staging)
        let before = story.release
        story.apply(.said(LogMessage(source: first, "unpacking")))
        story.apply(.takenUp(by: "ben"))
        var expected = before
        expected.sequence += 2
        expected.updatedAt = story.now
        expected.clockStart = story.now
        #expect(story.release == expected)
    }

    @Test("time never runs backwards, whatever the clock of a second machine shows")
    func clocks() throws {
        var story = try Story.reaching(.staging)
        let before = story.release.updatedAt
        story.apply(.said(LogMessage("hello")), at: before + .seconds(-100))
        #expect(story.release.updatedAt == before)
    }
}
