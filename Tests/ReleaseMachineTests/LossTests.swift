import Testing

@testable import ReleaseMachine

@Suite("A release whose newest events the journal has lost")
struct LossTests {
    private func accept(_ story: inout Story, isLive: Bool, _ colors: [Color?]) {
        let readings = zip(Story.nodes, colors).map { NodeReading(node: $0, color: $1) }
        story.apply(.lossAccepted(by: "ann", reason: "gone", isLive: isLive, readings: readings))
    }

    @Test("ends where it is accepted, in every phase, with nothing more to do", arguments: Phase.allCases.dropLast())
    func everyPhase(_ phase: Phase) throws {
        var story = try Story.reaching(phase, verify: phase == .verifying)
        accept(&story, isLive: false, [.blue, .blue])
        #expect(story.state == .failed && story.effects == [] && story.release.timer == nil)
        #expect(story.release.failure?.phase == phase)
        #expect(story.release.failure?.message == "the journal had lost its end; ann accepted that: gone")
        #expect(story.release.needRepair == [])
        // What it may have made is named; nothing is known before it has read the cluster.
        #expect(story.release.leftovers.map(\.version.color) == (phase == .discovering ? [] : [.green]))
    }

    @Test("nodes that do not route to the colour before it need repair")
    func mixed() throws {
        var story = try Story.reaching(.staging)
        accept(&story, isLive: false, [.green, .blue])
        #expect(story.release.needRepair.map(\.node) == [Story.nodes[0]])
        #expect(story.release.nodes.map(\.color) == [.green, .blue])
    }

    @Test("is live when the cluster has recorded that, whatever its journal knows")
    func live() throws {
        var story = try Story.reaching(.staging)
        accept(&story, isLive: true, [.green, .blue])
        #expect(story.state == .live && story.release.hasBeenLive && story.release.failure == nil)
        #expect(story.release.needRepair.map(\.node) == [Story.nodes[1]])
        #expect(story.release.leftovers.map(\.version.color) == [.blue])
    }

    @Test("one that goes back because of an abort ends as aborted, and one that has ended stays as it is")
    func aborted() throws {
        var story = try Story.reaching(.staging)
        story.apply(.abortRequested(by: "ben", reason: nil))
        accept(&story, isLive: false, [.blue, .blue])
        #expect(story.state == .aborted)
        let before = story.release.leftovers
        accept(&story, isLive: true, [.green, .green])
        #expect(story.state == .aborted && story.release.leftovers == before)
    }
}
