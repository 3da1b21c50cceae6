import Testing

@testable import ReleaseMachine

@Suite("Which commands apply when")
struct RequestTests {
    private func refusal(_ check: () throws(Inapplicable) -> Void) -> String? {
        do {
            try check()
            return nil
        } catch {
            return error.description
        }
    }

    private func promoting(_ story: Story) -> String? {
        refusal { () throws(Inapplicable) in try story.release.checkPromotable(at: story.now) }
    }
    private func aborting(_ story: Story) -> String? { refusal(story.release.checkAbortable) }

    @Test("promote applies to a pause")
    func promote() throws {
        #expect(promoting(try Story.reaching(.verifying, verify: true)) == nil)
    }

    @Test("a pause past its deadline cannot be promoted when it ends in an abort, even if no process has run it since")
    func promoteOverdue() throws {
        let story = try Story.reaching(.verifying, verify: true)
        let end = try #require(story.release.verifyDeadline)
        func promoting(_ story: Story, at now: Timestamp) -> String? {
            refusal { () throws(Inapplicable) in try story.release.checkPromotable(at: now) }
        }
        #expect(promoting(story, at: end + .milliseconds(-1)) == nil)
        #expect(
            promoting(story, at: end)
                == "blog/42 can no longer be promoted: its verification deadline has passed, and it aborts. "
                + "`viridian abort blog` ends it now; then deploy \(Story.version) again")
        var rules = Rules()
        rules.afterVerifyTimeout = .promote
        #expect(promoting(try Story.reaching(.verifying, verify: true, rules: rules), at: end) == nil)
    }

    @Test(
        "a release that will pause says so in the refusal",
        arguments: [Phase.discovering, .creating, .starting, .staging])
    func promoteTooEarly(_ phase: Phase) throws {
        let story = try Story.reaching(phase, verify: true)
        #expect(promoting(story) == "blog/42 is \(phase): it pauses for verification when it is staged")
    }

    @Test(
        "a release that does not pause, or no longer is paused, cannot be promoted",
        arguments: [Phase.discovering, .staging, .switching, .draining, .retiring])
    func promoteNotPaused(_ phase: Phase) throws {
        #expect(promoting(try Story.reaching(phase)) == "blog/42 is \(phase), not paused")
    }

    @Test("nor can one that is going back, or has ended")
    func promoteTooLate() throws {
        var story = try Story.reaching(.verifying, verify: true)
        story.apply(.abortRequested(by: "anna", reason: nil))
        #expect(promoting(story) == "blog/42 is going back: there is nothing to promote")
        story.apply(.readBack(Story.readings(.blue)))
        story.apply(.candidateRemoved)
        #expect(promoting(story) == "blog/42 has ended: it is aborted")
        #expect(promoting(try Story.reaching(.done)) == "blog/42 has ended: it is live")
    }

    @Test("abort applies until every node was read back", arguments: Phase.allCases.filter { $0 < .done })
    func abort(_ phase: Phase) throws {
        #expect(aborting(try Story.reaching(phase, verify: true)) == nil)
    }

    @Test("abort is refused where it would do nothing")
    func abortRefused() throws {
        var going = try Story.reaching(.staging)
        going.apply(.abortRequested(by: "anna", reason: nil))
        #expect(aborting(going) == "blog/42 is already going back")

        var retiring = try Story.reaching(.retiring)
        retiring.apply(.readBack(Story.readings(.green)))
        #expect(
            aborting(retiring) == "blog/42 is live and the old colour is being deleted: use rollback")
        #expect(aborting(try Story.reaching(.done)) == "blog/42 has ended: it is live")
    }

    @Test("a request that does not apply changes nothing", arguments: Phase.allCases.filter { $0 != .verifying })
    func uselessPromote(_ phase: Phase) throws {
        var story = try Story.reaching(phase)
        let before = (story.phase, story.effects, story.state)
        story.apply(.promoted(by: "anna"))
        #expect(before == (story.phase, story.effects, story.state))
    }
}
