import Controller
import ReleaseMachine
import Testing

@Suite("Pods that still end when a release is done")
struct LeavingTests {
    private let site = Site()

    private func events() throws -> [Event] {
        try site.journal.events(app: "blog", number: 1, after: 0).map(\.event)
    }

    @Test("are counted in its log, and it is live without them")
    func live() async throws {
        await site.world.set(podsLeft: 2)
        #expect(try await site.deploy().state == .live)
        let events = try events()
        let told = try #require(events.firstIndex(of: .said(Line("2 pods of blog-blue are still terminating"))))
        #expect(told + 1 == events.firstIndex(of: .oldRemoved))
    }

    @Test("and so is a candidate that was given up")
    func back() async throws {
        await site.world.set(podsLeft: 1)
        await site.world.set(pods: .crash)
        #expect(try await site.deploy().state == .failed)
        #expect(try events().contains(.said(Line("1 pod of blog-green is still terminating"))))
    }

    @Test("the next release on that colour says for which it waits, and how long that may take is in its journal")
    func waiting() async throws {
        let words = "Waiting for 1 pod that green had before to end: blog-green-x on node-7"
        await site.world.set(creationNews: [
            .waiting(words, atMost: .seconds(90)), .note("Image blog:2 goes into container blog"),
        ])
        #expect(try await site.deploy().state == .live)
        let recorded = try site.journal.events(app: "blog", number: 1, after: 0)
        let delay = try #require(
            recorded.first { if case .candidateDelayed = $0.event { true } else { false } })
        guard case .candidateDelayed(let until) = delay.event else { return }
        #expect(until - delay.at <= .seconds(90) && until - delay.at > .seconds(85))
        let said = recorded.compactMap { if case .said(let line) = $0.event { line.text } else { nil } }
        #expect(said.starts(with: [words, "Image blog:2 goes into container blog"]), "\(said)")
    }
}
