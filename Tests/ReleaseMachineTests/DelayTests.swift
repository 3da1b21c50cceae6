import Testing

@testable import ReleaseMachine

@Suite("A candidate whose colour still has pods of an earlier release")
struct DelayTests {
    @Test("is created when they have ended, and has all of its time after that")
    func delay() throws {
        var story = try Story.reaching(.creating)
        let until = story.now + .seconds(300)
        story.tell(.candidateDelayed(until: until))
        #expect(story.effects == [.createCandidate])
        #expect(try #require(story.release.timer).at == until + story.release.order.rules.patience)
        story.tell(.candidateCreated, at: until)
        #expect(story.phase == .starting)
        #expect(try #require(story.release.timer).at == until + story.release.order.rules.readyTimeout)
    }

    @Test("a delay that is over takes no time from the creation, and one that comes too late means nothing")
    func over() throws {
        var story = try Story.reaching(.creating)
        let timer = try #require(story.release.timer).at
        story.tell(.candidateDelayed(until: story.now + .seconds(-5)))
        #expect(try #require(story.release.timer).at == timer)
        story.tell(.candidateCreated)
        let later = try #require(story.release.timer).at
        story.tell(.candidateDelayed(until: story.now + .seconds(10_000)))
        #expect(try #require(story.release.timer).at == later)
        story.tell(.abortRequested(by: "anna", reason: nil))
        let back = try #require(story.release.timer).at
        story.tell(.candidateDelayed(until: story.now + .seconds(10_000)))
        #expect(try #require(story.release.timer).at == back)
    }
}
