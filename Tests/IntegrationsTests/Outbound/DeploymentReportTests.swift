import Foundation
import ReleaseMachine
import Testing

@testable import Integrations

@Suite("What is said of a release follows from its events alone")
struct DeploymentReportTests {
    @Test("a release that goes live is queued, in progress, a success, and inactive when the next one is live")
    func live() throws {
        var story = ReleaseStory()
        #expect(story.reports().map(\.status) == [.queued])
        story.reachSwitch()
        #expect(story.reports().map(\.status) == [.queued, .inProgress])
        story.goLive()
        #expect(story.release?.state == .live)
        story.add(.said(LogMessage("a line")))
        #expect(story.reports().map(\.status) == [.queued, .inProgress, .success])
        story.add(.replaced(by: 43, rolledBack: false))
        let reports = story.reports()
        #expect(reports.map(\.status) == [.queued, .inProgress, .success, .inactive])
        #expect(
            reports.map(\.description) == [
                "blog/42 (v2): requested by anna", "blog/42 (v2): green is being brought up",
                "blog/42 (v2): live on green",
                "blog/42 (v2): replaced by blog/43",
            ])
        #expect(reports.allSatisfy { $0.logURL == "https://deploy.domain.com/apps/blog/releases/42" })
        #expect(reports.map(\.environmentURL) == [nil, nil, "https://blog.domain.com", nil])
        let page = "https://github.com/mike/blog/compare/\(ReleaseStory.liveCommit)...\(ReleaseStory.commit)"
        #expect(reports.allSatisfy { $0.compareURL == page })
        #expect(reports.allSatisfy { $0.requestedAt == ReleaseStory.start && $0.commit == ReleaseStory.commit })
    }

    @Test("a pause is told, with the preview, and so is its end")
    func paused() throws {
        var story = ReleaseStory(verify: true)
        story.reachSwitch()
        story.add(.promoted(by: "mike"))
        story.goLive()
        let reports = story.reports()
        #expect(reports.map(\.status) == [.queued, .inProgress, .paused, .promoted, .success])
        #expect(reports[2].environmentURL == "http://preview.blog.domain.com/")
        #expect(reports[2].description == "blog/42 (v2): ready, awaiting promotion")
        #expect(reports[3].description == "blog/42 (v2): promoted by mike, switching")
    }

    @Test("a release that fails is a failure with why, one that is aborted says by whom and that traffic went back")
    func endings() throws {
        var failed = ReleaseStory()
        failed.add(.refused(.survey, message: "the API says no", details: []), .readBack([]), .candidateRemoved)
        #expect(failed.reports().map(\.status) == [.queued, .failure])
        #expect(failed.reports().last?.description == "blog/42 (v2): failed in phase discovering: the API says no")

        var aborted = ReleaseStory(verify: true)
        aborted.reachSwitch()
        aborted.add(.abortRequested(by: "mike", reason: "wrong version"), .readBack([]), .candidateRemoved)
        #expect(aborted.release?.state == .aborted)
        #expect(aborted.reports().map(\.status) == [.queued, .inProgress, .paused, .aborted])
        #expect(aborted.reports().last?.description == "blog/42 (v2): aborted by mike: wrong version")

        var given = ReleaseStory()
        given.reachSwitch()
        given.add(.supersedeRequested(version: "v3", by: "registry"), .readBack([]), .candidateRemoved)
        #expect(given.reports().last?.description == "blog/42 (v2): given up for v3")
    }

    @Test("each status is said once, however often the events are folded, and in their order")
    func once() throws {
        var story = ReleaseStory(verify: true)
        story.reachSwitch()
        story.add(.takenUp(by: "server-2"), .resumed(milliseconds: 5), .promoted(by: "mike"))
        story.goLive()
        story.add(.replaced(by: 43, rolledBack: true), .replaced(by: 44, rolledBack: false))
        let events = story.events
        let whole = try #require(Milestones(events))
        for length in 1...events.count {
            var part = try #require(Milestones(events.prefix(length)))
            #expect(Array(whole.all.prefix(part.all.count)) == part.all)
            for event in events.dropFirst(length) { part.append(event) }
            #expect(part.all == whole.all)
        }
        #expect(Set(whole.all.map(\.kind)).count == whole.all.count)
        #expect(whole.isFinal)
        #expect(story.reports().last?.description == "blog/42 (v2): rolled back by blog/43")
    }

    @Test("nothing is said of a release of which the commit or the repository is not known")
    func unknown() {
        #expect(ReleaseStory(source: nil).reports() == [])
        #expect(ReleaseStory(commit: nil).reports() == [])
        #expect(ReleaseStory(source: "blog").reports() == [])
    }

    @Test("a description is one line of at most 140 characters, whatever the reason")
    func length() throws {
        for reason in [
            String(repeating: "a long reason ", count: 40), String(repeating: "👩‍👩‍👧‍👦", count: 60), "one\ntwo\r\nthree",
        ] {
            var story = ReleaseStory(verify: true)
            story.reachSwitch()
            story.add(.abortRequested(by: "mike", reason: reason), .readBack([]), .candidateRemoved)
            let text = try #require(story.reports().last).description
            #expect(text.utf16.count <= 140)
            #expect(!text.contains { $0.isNewline })
        }
    }

    @Test("without a server's URL and hosts there are no links")
    func noLinks() throws {
        var story = ReleaseStory()
        story.reachSwitch()
        story.goLive()
        let last = try #require(story.reports(DeploymentReport.Site()).last)
        #expect(last.logURL == nil && last.environmentURL == nil && last.environment == "production")
    }

    @Test("a report that the journal has is read as it was written")
    func stored() throws {
        var story = ReleaseStory()
        story.reachSwitch()
        story.goLive()
        for report in story.reports() {
            let data = try JSONEncoder().encode(report)
            #expect(try JSONDecoder().decode(DeploymentReport.self, from: data) == report)
        }
        let old = #"""
            {"app":"blog","at":1445783643000,"commit":"a1b2c3d","description":"d","environment":"production","number":42,
            "requestedAt":1445783643000,"source":"https://github.com/mike/blog","status":"in_progress","version":"v2"}
            """#
        #expect(try JSONDecoder().decode(DeploymentReport.self, from: Data(old.utf8)).status == .inProgress)
    }
}
