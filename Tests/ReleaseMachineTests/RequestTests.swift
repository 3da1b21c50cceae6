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

    // Who comes after the decision is told what has been decided, by whom and when.

    private let day = "2015-10-25 14:34 UTC"

    @Test("a promotion after a promotion: who promoted it, and how far it is")
    func promotedAlready() throws {
        var story = try Story.reaching(.verifying, verify: true)
        story.apply(.promoted(by: "ann"))
        let promoted = "blog/42 was promoted by ann already (\(day)), and "
        #expect(promoting(story) == promoted + "is switching")
        story.reach(.draining)
        #expect(promoting(story) == promoted + "is draining")
        story.reach(.done)
        #expect(promoting(story) == promoted + "is live")
        #expect(aborting(story) == promoted + "is live")
        var replaced = story
        replaced.apply(.replaced(by: 43, rolledBack: false))
        #expect(promoting(replaced) == promoted + "was live until blog/43 superseded it")
        replaced = story
        replaced.apply(.replaced(by: 44, rolledBack: true))
        #expect(promoting(replaced) == promoted + "was live until blog/44 rolled it back")
    }

    @Test("a promotion after a promotion that was aborted, or failed")
    func promotedInVain() throws {
        var story = try Story.reaching(.verifying, verify: true)
        story.apply(.promoted(by: "ann"))
        var aborted = story
        aborted.apply(.abortRequested(by: "bob", reason: "the font"))
        #expect(
            promoting(aborted)
                == "blog/42 was promoted by ann already (\(day)), and was aborted by bob (\(day)): the font, and is going back"
        )
        story.apply(.refused(.confirmCandidate, message: "1 of 3 pods is not ready", details: []))
        #expect(
            promoting(story)
                == "blog/42 was promoted by ann already (\(day)), and failed in phase switching (\(day)): "
                + "1 of 3 pods is not ready, and is going back")
    }

    @Test("a promotion after an abort: who aborted it, and why")
    func abortedAlready() throws {
        var story = try Story.reaching(.verifying, verify: true)
        story.apply(.abortRequested(by: "bob", reason: "wrong version"))
        let aborted = "blog/42 was aborted by bob (\(day)): wrong version"
        #expect(promoting(story) == aborted + ", and is going back")
        #expect(aborting(story) == aborted + ", and is going back")
        story.apply(.takenUp(by: "another process"), at: story.now + .seconds(3600))
        story.apply(.readBack(Story.readings(.blue)))
        story.apply(.candidateRemoved)
        #expect(promoting(story) == aborted)
        #expect(aborting(story) == aborted)
    }

    @Test("a promotion after the deadline, of a release that was superseded, and of one that failed before its pause")
    func decidedOtherwise() throws {
        var story = try Story.reaching(.verifying, verify: true)
        var superseded = story
        superseded.apply(.supersedeRequested(version: "v3", by: "registry"))
        #expect(promoting(superseded) == "blog/42 was superseded by v3 (\(day)), and is going back")
        try story.runOut()
        #expect(
            promoting(story)
                == "blog/42 was aborted (2015-10-25 15:34 UTC): its verification deadline passed, and is going back")
        var failed = try Story.reaching(.creating, verify: true)
        failed.apply(.refused(.createCandidate, message: "quota exceeded", details: []))
        failed.apply(.readBack(Story.readings(.blue)))
        failed.apply(.candidateRemoved)
        #expect(promoting(failed) == "blog/42 failed in phase creating (\(day)): quota exceeded")
    }

    @Test("with `then: promote` the end of the pause promotes it")
    func promotedByItself() throws {
        var rules = Rules()
        rules.afterVerifyTimeout = .promote
        var story = try Story.reaching(.verifying, verify: true, rules: rules)
        try story.runOut()
        #expect(
            promoting(story)
                == "blog/42 was promoted at the end of its verification (2015-10-25 15:34 UTC), and is switching")
    }

    @Test("a promotion of a release that did not pause, and is live")
    func liveWithoutPause() throws {
        #expect(promoting(try Story.reaching(.done)) == "blog/42 is live")
    }

    @Test("abort applies until every node was read back", arguments: Phase.allCases.filter { $0 < .done })
    func abort(_ phase: Phase) throws {
        #expect(aborting(try Story.reaching(phase, verify: true)) == nil)
    }

    @Test("abort is refused where it would do nothing")
    func abortRefused() throws {
        var going = try Story.reaching(.staging)
        going.apply(.abortRequested(by: "anna", reason: nil))
        #expect(aborting(going) == "blog/42 was aborted by anna (\(day)), and is going back")

        var retiring = try Story.reaching(.retiring)
        retiring.apply(.readBack(Story.readings(.green)))
        #expect(
            aborting(retiring) == "blog/42 is live and the old colour is being deleted: use rollback")
        #expect(aborting(try Story.reaching(.done)) == "blog/42 is live")
    }

    @Test("a request that does not apply changes nothing", arguments: Phase.allCases.filter { $0 != .verifying })
    func uselessPromote(_ phase: Phase) throws {
        var story = try Story.reaching(phase)
        let before = (story.phase, story.effects, story.state)
        story.apply(.promoted(by: "anna"))
        #expect(before == (story.phase, story.effects, story.state))
    }
}
