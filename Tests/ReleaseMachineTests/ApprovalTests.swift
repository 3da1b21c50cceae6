import Testing

@testable import ReleaseMachine

@Suite("Approvals: how many people have to promote a release, and who counts")
struct ApprovalTests {
    private static func rules(_ approvals: Int? = nil, by approvers: Rules.Approvers? = nil) -> Rules {
        var rules = Rules()
        (rules.approvals, rules.approvers) = (approvals, approvers)
        return rules
    }

    private static let two: Rules = rules(2)
    private static let twoOthers: Rules = rules(2, by: .others)

    private func paused(_ rules: Rules, by requester: String = "mike", isAutomatic: Bool? = nil) throws -> Story {
        var story = try Story(verify: true, requestedBy: requester, isAutomatic: isAutomatic, rules: rules)
        story.reach(.verifying)
        return story
    }

    /// A person promotes: the event is applied, or the refusal returned.
    private func promote(_ story: inout Story, by person: String) -> String? {
        do {
            story.apply(try story.release.promotion(by: person, at: story.now))
            return nil
        } catch {
            return error.description
        }
    }

    // MARK: - Who counts

    @Test("by default one person's promotion moves the traffic, also the requester's")
    func usual() throws {
        var story = try paused(Rules())
        #expect(!story.release.needsApprovals && story.release.approvalCount == nil)
        #expect(promote(&story, by: "mike") == nil)
        #expect(story.phase == .switching)
        #expect(story.release.promotedBy == "mike" && story.release.approvals.map(\.by) == ["mike"])
    }

    @Test("where two people have to, the first one approves, and the second one's promotion moves the traffic")
    func two() throws {
        var story = try paused(Self.two)
        #expect(story.release.approvalCount == "0 of 2")
        #expect(story.release.missingApprovals == "2 people have to promote it")
        #expect(promote(&story, by: "ann") == nil)
        #expect(story.events.last?.event == .approved(by: "ann"))
        #expect(story.state == .paused && story.effects == [])
        #expect(story.release.approvals == [Approval(by: "ann", at: story.now)])
        #expect(story.release.approvalCount == "1 of 2: ann")
        #expect(story.release.missingApprovals == "another person than ann has to promote it")
        #expect(promote(&story, by: "mike") == nil, "anyone counts")
        #expect(story.events.last?.event == .promoted(by: "mike"))
        #expect(story.phase == .switching && story.release.promotedBy == "mike")
        #expect(story.release.approvalCount == "2 of 2: ann, mike")
    }

    @Test("the same person twice is one person, however the name is written", arguments: ["ann", "Ann", "ANN"])
    func twice(_ again: String) throws {
        var story = try paused(Self.two)
        #expect(promote(&story, by: "ann") == nil)
        #expect(
            promote(&story, by: again)
                == "ann has approved blog/42 already, 1 of 2: another person than ann has to promote it")
        #expect(story.state == .paused && story.release.approvals.count == 1)
    }

    @Test("with `by: others` the requester does not count, neither first nor last")
    func others() throws {
        var story = try paused(Self.twoOthers)
        #expect(
            promote(&story, by: "mike")
                == "blog/42 was requested by mike: 2 people other than mike have to promote it")
        #expect(promote(&story, by: "ann") == nil)
        #expect(
            promote(&story, by: "Mike")
                == "blog/42 was requested by mike: another person than mike and ann has to promote it")
        #expect(story.state == .paused)
        #expect(promote(&story, by: "bob") == nil)
        #expect(story.phase == .switching)
    }

    @Test("with `by: others` alone, one other person suffices")
    func oneOther() throws {
        var story = try paused(Self.rules(by: .others))
        #expect(story.release.needsApprovals && story.release.approvalCount == nil)
        #expect(
            promote(&story, by: "mike") == "blog/42 was requested by mike: another person than mike has to promote it")
        #expect(promote(&story, by: "ann") == nil)
        #expect(story.phase == .switching)
    }

    @Test("the requester of a release that a hook starts is the person whom the sender names")
    func hook() throws {
        var story = try paused(Self.rules(by: .others), by: "mike (gitlab)", isAutomatic: true)
        #expect(
            promote(&story, by: "mike") == "blog/42 was requested by mike: another person than mike has to promote it")
        #expect(promote(&story, by: "ann") == nil)
        // Of a sender that names nobody, everybody is another person.
        var poll = try paused(Self.rules(by: .others), by: "registry poll", isAutomatic: true)
        #expect(promote(&poll, by: "mike") == nil)
        // A person's own name may end like that.
        #expect(try paused(Rules(), by: "mike (gitlab)").release.requester == "mike (gitlab)")
    }

    // MARK: - What else ends the pause

    @Test("one abort ends it, whatever approvals there are")
    func abort() throws {
        var story = try paused(Self.twoOthers)
        #expect(promote(&story, by: "ann") == nil)
        story.apply(.abortRequested(by: "mike", reason: "the font"))
        #expect(
            promote(&story, by: "bob")
                == "blog/42 was aborted by mike (2015-10-25 14:34 UTC): the font, and is going back")
        story.apply(.readBack(Story.readings(.blue)))
        story.apply(.candidateRemoved)
        #expect(story.state == .aborted && story.release.approvals.map(\.by) == ["ann"])
    }

    @Test("a newer version may be released instead while approvals are missing; they do not count for it")
    func supersede() throws {
        var story = try paused(Self.two)
        #expect(promote(&story, by: "ann") == nil)
        #expect(story.release.canBeSuperseded)
        story.apply(.supersedeRequested(version: "v3", by: "registry"))
        #expect(
            promote(&story, by: "bob") == "blog/42 was superseded by v3 (2015-10-25 14:34 UTC), and is going back")
        #expect(try paused(Self.two).release.approvals == [])
    }

    @Test("at the deadline an approval too few is none")
    func deadline() throws {
        var story = try paused(Self.two)
        #expect(promote(&story, by: "ann") == nil)
        let end = try #require(story.release.verifyDeadline)
        #expect(throws: Inapplicable.self) { try story.release.promotion(by: "bob", at: end) }
        try story.runOut()
        #expect(story.release.cause == .verificationExpired)
        #expect(
            promote(&story, by: "bob")
                == "blog/42 was aborted (2015-10-25 15:34 UTC): its verification deadline passed with 1 of 2: ann, "
                + "and is going back")
    }

    @Test("an approval does not move the deadline")
    func sameDeadline() throws {
        var story = try paused(Self.two)
        let end = story.release.verifyDeadline
        #expect(promote(&story, by: "ann") == nil)
        #expect(story.release.verifyDeadline == end && story.release.timer?.at == end)
    }

    @Test("a deadline never promotes a release that needs approvals")
    func neverByItself() throws {
        for rules in [Self.two, Self.twoOthers, Self.rules(by: .others)] {
            var rules = rules
            rules.afterVerifyTimeout = .promote
            var story = try paused(rules)
            try story.runOut()
            #expect(story.release.cause == .verificationExpired)
        }
    }

    // MARK: - Without them

    @Test("an administrator may promote without the approvals that are missing, also as the requester; why is kept")
    func forced() throws {
        for isApproved in [false, true] {
            var story = try paused(Self.twoOthers)
            if isApproved { #expect(promote(&story, by: "ann") == nil) }
            let event = try story.release.forcedPromotion(by: "mike", reason: "prices are wrong", at: story.now)
            #expect(event == .promotionForced(by: "mike", reason: "prices are wrong"))
            story.apply(event)
            #expect(story.phase == .switching && story.release.promotedBy == "mike")
            #expect(story.release.forcedReason == "prices are wrong")
            #expect(story.release.approvals.map(\.by) == (isApproved ? ["ann"] : []))
            #expect(
                promote(&story, by: "bob")
                    == "blog/42 was promoted by mike already (2015-10-25 14:34 UTC), and is switching")
        }
    }

    @Test("where no approval is missing, nothing is forced")
    func notForced() throws {
        var story = try paused(Self.two)
        #expect(promote(&story, by: "ann") == nil)
        #expect(try story.release.forcedPromotion(by: "bob", reason: "x", at: story.now) == .promoted(by: "bob"))
        let usual = try paused(Rules())
        #expect(try usual.release.forcedPromotion(by: "mike", reason: "x", at: usual.now) == .promoted(by: "mike"))
    }

    @Test("a forced promotion applies to a pause only", arguments: Phase.allCases.filter { $0 != .verifying })
    func forcedTooEarly(_ phase: Phase) throws {
        var story = try Story.reaching(phase, rules: Self.two)
        #expect(throws: Inapplicable.self) {
            try story.release.forcedPromotion(by: "root", reason: "x", at: story.now)
        }
        let before = (story.phase, story.effects, story.state)
        story.apply(.promotionForced(by: "root", reason: "x"))
        story.apply(.approved(by: "ann"))
        #expect(before == (story.phase, story.effects, story.state))
        #expect(story.release.approvals == [] && story.release.forcedReason == nil)
    }

    @Test("a release that does not pause asks nobody: a rollback")
    func rollback() throws {
        var story = try Story(kind: .rollback(from: 41), rules: Self.twoOthers)
        #expect(!story.release.needsApprovals)
        story.reach(.done)
        #expect(story.state == .live && story.release.approvals == [])
    }

    // MARK: - The journal

    @Test("a process that resumes the release in the middle counts the same approvals")
    func resumed() throws {
        var story = try paused(Self.two)
        #expect(promote(&story, by: "ann") == nil)
        story.apply(.takenUp(by: "another process"), at: story.now + .seconds(600))
        #expect(story.release.approvalCount == "1 of 2: ann")
        #expect(promote(&story, by: "ann") != nil)
        #expect(promote(&story, by: "bob") == nil)
        #expect(story.phase == .switching)
        // A journal that was written twice has the same person once.
        var repeated = try paused(Self.two)
        repeated.apply(.approved(by: "ann"))
        repeated.apply(.approved(by: "ann"))
        #expect(repeated.release.approvalCount == "1 of 2: ann")
        #expect(repeated.state == .paused)
    }

    @Test("a journal from before approvals asks for one person")
    func older() {
        #expect(Rules().neededApprovals == 1 && !Rules().asksOthers)
    }
}
