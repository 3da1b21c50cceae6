import Foundation
import ReleaseMachine
import Testing

/// Releases that the simulator ran with the state machine before editions. Their outcome must not change: otherwise an upgrade finds
/// releases running that ended long ago.
@Suite("Journals of earlier versions")
struct OldJournalTests {
    private struct OldRelease: Decodable {
        /// The simulator's seed and the release's number.
        var release: String
        var state: Release.State
        var needRepair: [String]
        var events: [RecordedEvent]
    }

    /// A release of a version that wrote every report of pods whole, and what it knew of its pods at the end.
    private struct ReleaseWithPods: Decodable {
        var release: String
        var state: Release.State
        /// How many reports it has.
        var observed: Int
        var pods: PodsReport
        var events: [RecordedEvent]
    }

    private static func lines(_ file: String) throws -> [Substring] {
        let journals = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "Journals")
        return try String(contentsOf: journals.appending(path: file), encoding: .utf8).split(separator: "\n")
    }

    @Test("a release from before editions still ends as it did")
    func beforeEditions() throws {
        let lines = try Self.lines("before-editions.jsonl")
        #expect(lines.count > 20)
        for line in lines {
            let old = try JSONDecoder().decode(OldRelease.self, from: Data(line.utf8))
            let release = try #require(Release(folding: old.events))
            #expect(release.order.rules.edition == nil)
            #expect(release.state == old.state, "\(old.release)")
            #expect(release.needRepair.map(\.node).sorted() == old.needRepair, "\(old.release)")
        }
    }

    @Test("whole reports of pods are read as they were, and written as changes they give the same release")
    func podsInFull() throws {
        for line in try Self.lines("pods-in-full.jsonl") {
            let old = try JSONDecoder().decode(ReleaseWithPods.self, from: Data(line.utf8))
            let release = try #require(Release(folding: old.events))
            #expect(release.order.name == old.release)
            #expect(release.state == old.state)
            #expect(release.pods == old.pods)

            var events = Array(old.events.prefix(1))
            var rewritten = try #require(Release(folding: events))
            var changes = 0
            for var recorded in old.events.dropFirst() {
                recorded.event = try #require(rewritten.journaled(recorded.event))
                if case .podsChanged = recorded.event { changes += 1 }
                rewritten.apply(recorded)
                events.append(recorded)
            }
            #expect(rewritten == release)
            #expect(Release(folding: events) == release)
            #expect(changes == old.observed - 1)
        }
    }

    @Test("a new release has an edition")
    func edition() {
        #expect(Rules().edition == 1)
    }
}
