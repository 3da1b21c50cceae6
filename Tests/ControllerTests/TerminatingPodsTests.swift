import Controller
import ReleaseMachine
import Testing

@Suite("Pods that are still terminating when a release is done")
struct TerminatingPodsTests {
    private let site = Site()

    private func events() async throws -> [Event] {
        try site.journal.events(app: "blog", number: 1, after: 0).map(\.event)
    }

    @Test("are counted in its log, and the release does not wait for them")
    func live() async throws {
        await site.world.set(podsLeft: 2)
        #expect(try await site.deploy().state == .live)
        let events = try await events()
        let index = try #require(events.firstIndex(of: .said(LogMessage("2 pods of blog-blue are still terminating"))))
        #expect(index + 1 == events.firstIndex(of: .oldRemoved))
    }

    @Test("as are those of a candidate that was aborted")
    func back() async throws {
        await site.world.set(podsLeft: 1)
        await site.world.set(pods: .crash)
        #expect(try await site.deploy().state == .failed)
        #expect(try await events().contains(.said(LogMessage("1 pod of blog-green is still terminating"))))
    }

    @Test("the next release on that colour logs which pods it waits for, and how long that may take is in its journal")
    func waiting() async throws {
        let words = "Waiting for 1 pod that green had before to end: blog-green-x on node-7"
        await site.world.set(creationProgress: [
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
