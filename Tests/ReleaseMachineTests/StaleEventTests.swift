import Testing

@testable import ReleaseMachine

/// An effect may finish just as it is stopped, and two engines may have run: events that no longer apply are ignored.
@Suite("Events that come too late, too early or twice")
struct StaleEventTests {
    private static let first = Story.nodes[0]

    /// The possible results of each effect, with the phases in which they apply.
    private static let events: [(event: Event, meaningful: Set<Phase>)] = [
        (.discovered(Story.survey()), [.discovering]),
        (.candidateCreated, [.creating]),
        (.podsReady, [.starting]),
        (.nodePrepared(node: first), [.starting]),
        (.nodeStaged(node: first), [.staging]),
        (.nodeFailed(.stage, problem(first)), [.staging]),
        (.candidateConfirmed, [.switching]),
        (.nodeSwitched(node: first), []),  // only from `candidateConfirmed` on
        (.nodeFailed(.change, problem(first)), [.switching]),
        (.nodeReverted(node: first), []),
        (.nodeFailed(.revert, problem(first)), []),
        (.liveRecorded(.green), [.draining]),
        (.drained(DrainEvidence()), []),  // only from `liveRecorded` on
        (.readBack(Story.readings(.green)), [.retiring]),
        (.oldRemoved, []),
        (.oldRetained(until: Story.start), []),
        (.candidateRemoved, []),
        (.refused(.survey, message: "late", details: []), [.discovering]),
        (.refused(.awaitPods, message: "late", details: []), [.starting]),
        (.refused(.confirmCandidate, message: "late", details: []), [.switching]),
        (.refused(.removeOld, message: "late", details: []), []),
        (.troubled(.survey, message: "late"), [.discovering]),
        (.troubled(.stage(node: first), message: "late"), [.staging]),
        (.troubled(.readBack, message: "late"), [.retiring]),
    ]

    @Test("in a phase in which they do not apply they change nothing", arguments: Phase.allCases)
    func stale(_ phase: Phase) throws {
        for (event, meaningful) in Self.events where !meaningful.contains(phase) {
            var story = try Story.reaching(phase, verify: true)
            let before = story.release
            story.apply(event)
            var expected = before
            expected.sequence += 1
            expected.updatedAt = story.now
            #expect(story.release == expected, "\(event) in \(phase)")
        }
    }

    @Test("on the way back only results of the way back apply")
    func staleBack() throws {
        let harmless: [Event] = [
            .discovered(Story.survey()), .candidateCreated, .podsReady, .nodePrepared(node: Self.first),
            .nodeStaged(node: Self.first),
            .candidateConfirmed,
            .nodeFailed(.stage, problem(Self.first)), .nodeFailed(.change, problem(Self.first)),
            .drained(DrainEvidence()),
            .oldRemoved, .oldRetained(until: Story.start), .candidateRemoved, .promoted(by: "anna"),
            .abortRequested(by: "anna", reason: nil), .readBack(Story.readings(.blue)),
            .refused(.awaitPods, message: "late", details: []), .troubled(.drain, message: "late"),
            .deadlinePassed(.draining),
        ]
        for event in harmless {
            var story = try Story.reaching(.draining)
            story.apply(.abortRequested(by: "anna", reason: nil))
            let before = story.release
            story.apply(event)
            var expected = before
            expected.sequence += 1
            expected.updatedAt = story.now
            #expect(story.release == expected, "\(event)")
        }
    }

    @Test("after the end only the replacement by another release applies")
    func afterTheEnd() throws {
        for (event, _) in Self.events {
            var story = try Story.reaching(.done)
            story.apply(event)
            #expect(story.state == .live, "\(event)")
            #expect(story.effects == [])
        }
    }

    @Test("events about an unknown node change nothing")
    func unknownNode() throws {
        var story = try Story.reaching(.staging)
        story.apply(.nodeStaged(node: "10.9.9.9"))
        story.apply(.nodeFailed(.stage, problem("10.9.9.9")))
        #expect(story.release.nodes.map(\.address) == Story.nodes)
        #expect(story.states == [.pending, .pending])
    }

    @Test("a repeated event has no further effect", arguments: Phase.allCases.filter { $0 < .done })
    func twice(_ phase: Phase) throws {
        var story = try Story.reaching(phase, verify: true)
        guard let last = story.events.last?.event, phase != .discovering else { return }
        let before = story.release
        story.apply(last)
        #expect(story.release.phase == before.phase)
        #expect(story.release.effects == before.effects)
        #expect(story.release.nodes == before.nodes)
        #expect(story.release.spans == before.spans)
    }
}
