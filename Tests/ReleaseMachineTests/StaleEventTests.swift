import Testing

@testable import ReleaseMachine

/// An effect may finish just as it is stopped, and two engines may have been at work: what no longer means anything is passed over.
@Suite("Events that come too late, too early or twice")
struct StaleEventTests {
    private static let first = Story.nodes[0]

    /// What each effect could have brought about, with the phases in which it means something.
    private static let events: [(event: Event, meaningful: Set<Phase>)] = [
        (.discovered(Story.survey()), [.discovering]),
        (.candidateCreated, [.creating]),
        (.podsReady, [.starting]),
        (.nodePrepared(node: first), [.starting]),
        (.nodeStaged(node: first), [.staging]),
        (.nodeFailed(.stage, trouble(first)), [.staging]),
        (.candidateConfirmed, [.switching]),
        (.nodeSwitched(node: first), []),  // only from `candidateConfirmed` on
        (.nodeFailed(.change, trouble(first)), [.switching]),
        (.nodeReverted(node: first), []),
        (.nodeFailed(.revert, trouble(first)), []),
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

    @Test("in a phase that they do not belong to they change nothing", arguments: Phase.allCases)
    func stale(_ phase: Phase) throws {
        for (event, meaningful) in Self.events where !meaningful.contains(phase) {
            var story = try Story.reaching(phase, verify: true)
            let before = story.release
            story.tell(event)
            var expected = before
            expected.sequence += 1
            expected.updatedAt = story.now
            #expect(story.release == expected, "\(event) in \(phase)")
        }
    }

    @Test("on the way back only what undoes something counts")
    func staleBack() throws {
        let harmless: [Event] = [
            .discovered(Story.survey()), .candidateCreated, .podsReady, .nodePrepared(node: Self.first),
            .nodeStaged(node: Self.first),
            .candidateConfirmed,
            .nodeFailed(.stage, trouble(Self.first)), .nodeFailed(.change, trouble(Self.first)),
            .drained(DrainEvidence()),
            .oldRemoved, .oldRetained(until: Story.start), .candidateRemoved, .promoted(by: "anna"),
            .abortRequested(by: "anna", reason: nil), .readBack(Story.readings(.blue)),
            .refused(.awaitPods, message: "late", details: []), .troubled(.drain, message: "late"),
            .deadlinePassed(.draining),
        ]
        for event in harmless {
            var story = try Story.reaching(.draining)
            story.tell(.abortRequested(by: "anna", reason: nil))
            let before = story.release
            story.tell(event)
            var expected = before
            expected.sequence += 1
            expected.updatedAt = story.now
            #expect(story.release == expected, "\(event)")
        }
    }

    @Test("after the end nothing counts but that another release took over")
    func afterTheEnd() throws {
        for (event, _) in Self.events {
            var story = try Story.reaching(.done)
            story.tell(event)
            #expect(story.state == .live, "\(event)")
            #expect(story.effects == [])
        }
    }

    @Test("events about a node that nobody knows change nothing")
    func unknownNode() throws {
        var story = try Story.reaching(.staging)
        story.tell(.nodeStaged(node: "10.9.9.9"))
        story.tell(.nodeFailed(.stage, trouble("10.9.9.9")))
        #expect(story.release.nodes.map(\.address) == Story.nodes)
        #expect(story.states == [.pending, .pending])
    }

    @Test("an event that came twice is one event", arguments: Phase.allCases.filter { $0 < .done })
    func twice(_ phase: Phase) throws {
        var story = try Story.reaching(phase, verify: true)
        guard let last = story.events.last?.event, phase != .discovering else { return }
        let before = story.release
        story.tell(last)
        #expect(story.release.phase == before.phase)
        #expect(story.release.effects == before.effects)
        #expect(story.release.nodes == before.nodes)
        #expect(story.release.spans == before.spans)
    }
}
