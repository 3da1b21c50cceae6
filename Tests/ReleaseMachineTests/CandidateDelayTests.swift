import Testing

@testable import ReleaseMachine

@Suite("A candidate whose colour still has pods of an earlier release")
struct CandidateDelayTests {
    @Test("is created when they have ended, with its whole timeout after that")
    func delay() throws {
        var story = try Story.reaching(.creating)
        let until = story.now + .seconds(300)
        story.apply(.candidateDelayed(until: until))
        #expect(story.effects == [.createCandidate])
        #expect(try #require(story.release.timer).at == until + story.release.order.rules.stepTimeout)
        story.apply(.candidateCreated, at: until)
        #expect(story.phase == .starting)
        #expect(try #require(story.release.timer).at == until + story.release.order.rules.readyTimeout)
    }

    @Test("a delay that is over does not shorten the creation's timeout, and one that comes too late is ignored")
    func over() throws {
        var story = try Story.reaching(.creating)
        let timer = try #require(story.release.timer).at
        story.apply(.candidateDelayed(until: story.now + .seconds(-5)))
        #expect(try #require(story.release.timer).at == timer)
        story.apply(.candidateCreated)
        let later = try #require(story.release.timer).at
        story.apply(.candidateDelayed(until: story.now + .seconds(10_000)))
        #expect(try #require(story.release.timer).at == later)
        story.apply(.abortRequested(by: "anna", reason: nil))
        let back = try #require(story.release.timer).at
        story.apply(.candidateDelayed(until: story.now + .seconds(10_000)))
        #expect(try #require(story.release.timer).at == back)
    }
}
