import Foundation
import Simulator
import Testing

@testable import ReleaseMachine

/// Reports of pods as the journal has them: whole ones at first, then what changes.
@Suite("Changes of pods")
struct PodsChangeTests {
    private static let pods = PodsReport(
        ready: 1, desired: 3,
        pods: [
            PodSummary(name: "blog-green-1", isReady: true),
            PodSummary(name: "blog-green-2", isReady: false, reason: "running, not ready yet"),
            PodSummary(name: "blog-green-3", isReady: false),
        ],
        images: [RunningImage(image: "registry.local:5000/blog:1", id: "sha256:0d1c", pods: 1)])

    private func story(_ report: PodsReport? = pods) throws -> Story {
        var story = try Story.reaching(.starting)
        if let report { story.apply(try #require(story.release.podsEvent(for: report))) }
        return story
    }

    @Test("the first report is written whole, the next ones as what has changed")
    func events() throws {
        var story = try story(nil)
        #expect(story.release.podsEvent(for: Self.pods) == .podsObserved(Self.pods))
        story.apply(.podsObserved(Self.pods))

        var next = Self.pods
        next.ready = 2
        next.pods[1] = PodSummary(name: "blog-green-2", isReady: true)
        #expect(
            story.release.podsEvent(for: next)
                == .podsChanged(PodsChange(ready: 2, desired: 3, pods: [next.pods[1]])))

        next.pods[2].name = "blog-green-0"
        next.pods.sort { $0.name < $1.name }
        next.warnings = ["exceeded quota: pods"]
        next.images = []
        let event = try #require(story.release.podsEvent(for: next))
        #expect(
            event
                == .podsChanged(
                    PodsChange(
                        ready: 2, desired: 3, pods: [next.pods[0], next.pods[2]], gone: ["blog-green-3"],
                        warnings: ["exceeded quota: pods"], images: [])))
        story.apply(event)
        #expect(story.release.pods == next)
    }

    @Test("a report that the release knows already is not written again")
    func known() throws {
        let story = try story()
        #expect(story.release.podsEvent(for: Self.pods) == nil)
        #expect(story.release.journaled(.podsObserved(Self.pods)) == nil)
        #expect(story.release.journaled(.podsReady) == .podsReady)
    }

    @Test("where a change would not give the report, the whole report is written")
    func whole() throws {
        let story = try story()
        var unsorted = Self.pods
        unsorted.pods.reverse()
        var doubled = Self.pods
        doubled.pods.append(PodSummary(name: "blog-green-3", isReady: true))
        var unknown = Self.pods
        unknown.images = nil
        for report in [unsorted, doubled, unknown] {
            #expect(story.release.podsEvent(for: report) == .podsObserved(report))
        }
        var story2 = story
        story2.apply(.podsObserved(unsorted))
        #expect(story2.release.podsEvent(for: Self.pods) == .podsObserved(Self.pods))
    }

    @Test("the same change a second time changes nothing")
    func twice() throws {
        var story = try story()
        var next = Self.pods
        next.ready = 0
        next.pods = [PodSummary(name: "blog-green-11", isReady: false), Self.pods.pods[1]]
        let event = try #require(story.release.podsEvent(for: next))
        story.apply(event)
        story.apply(event)
        #expect(story.release.pods == next)
    }

    @Test("a change without a report before it is what it says by itself")
    func alone() throws {
        var story = try story(nil)
        let pod = PodSummary(name: "blog-green-2", isReady: true)
        story.apply(.podsChanged(PodsChange(ready: 1, desired: 3, pods: [pod])))
        #expect(story.release.pods == PodsReport(ready: 1, desired: 3, pods: [pod]))
    }

    @Test("a release that goes back knows its pods, too")
    func wayBack() throws {
        var story = try story()
        story.apply(.abortRequested(by: "anna", reason: nil))
        var next = Self.pods
        next.pods.removeLast()
        story.apply(try #require(story.release.podsEvent(for: next)))
        #expect(story.release.pods == next)
    }

    // MARK: Any reports

    @Test(
        "changes give the same as whole reports, whatever is reported, also after crashes", arguments: UInt64(1)...200)
    func sameAsWhole(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var story = try Story.reaching(.starting)
        var report = PodsReport(ready: 0, desired: 1 + random.below(8), pods: [])
        for _ in 0..<60 {
            Self.change(&report, &random)
            if random.chance(10) {
                // The process died before it had written the event: the next one starts from the journal.
                _ = story.release.podsEvent(for: report)
                story = try story.reread()
                continue
            }
            if let event = story.release.podsEvent(for: report) {
                story.apply(event)
                // It was written, and the answer was lost.
                if random.chance(10) { story.apply(event) }
            }
            #expect(story.release.pods == report)
            if random.chance(10) { story = try story.reread() }
            #expect(story.release.podsEvent(for: report) == nil)
        }
    }

    /// What the next observation of a cluster may be.
    private static func change(_ report: inout PodsReport, _ random: inout SeededGenerator) {
        for _ in 0...random.below(3) {
            switch random.below(8) {
            case 0, 1:
                let pod = PodSummary(name: "blog-green-\(random.below(100))", isReady: random.chance(30))
                if !report.pods.contains(where: { $0.name == pod.name }) || random.chance(3) { report.pods.append(pod) }
            case 2 where !report.pods.isEmpty: report.pods.remove(at: random.below(report.pods.count))
            case 3 where !report.pods.isEmpty:
                report.pods[random.below(report.pods.count)].restarts += 1
            case 4 where !report.pods.isEmpty:
                report.pods[random.below(report.pods.count)].reason = random.chance(50) ? nil : "\(random.below(3))"
            case 5: report.warnings = random.chance(50) ? [] : ["exceeded quota: pods"]
            case 6: report.desired = 1 + random.below(8)
            case 7:
                report.images =
                    random.chance(20) ? nil : [RunningImage(image: "blog:1", id: "sha256:0d1c", pods: random.below(9))]
            default: break
            }
        }
        report.ready = report.pods.count { $0.isReady }
        if random.chance(95) { report.pods.sort { $0.name < $1.name } } else { report.pods.shuffle(using: &random) }
    }

    // MARK: Size

    /// 50 pods that are pulled, started and ready one after the other, as a release's watch reports them.
    @Test("a release's journal grows with its pods, not with their square")
    func size() throws {
        let small = try Self.bytes(pods: 10)
        let large = try Self.bytes(pods: 50)
        print("events of 50 pods: \(large.whole) bytes as whole reports, \(large.changes) as changes")
        // Measured: 809,153 bytes as whole reports, 35,153 as changes.
        #expect(large.whole > 800_000)
        #expect(large.changes < 36_000)
        #expect(large.changes < small.changes * 6)
    }

    private static func bytes(pods count: Int) throws -> (whole: Int, changes: Int) {
        var story = try Story.reaching(.starting)
        var report = PodsReport(
            ready: 0, desired: count,
            pods: (0..<count).map {
                PodSummary(name: "blog-green-7d9f8b6c4-\(10_000 + $0)", isReady: false, reason: "no node yet")
            })
        var size = (whole: 0, changes: 0)
        func add() throws {
            size.whole += try JSONEncoder().encode(Event.podsObserved(report)).count
            let event = try #require(story.release.podsEvent(for: report))
            size.changes += try JSONEncoder().encode(event).count
            story.apply(event)
        }
        try add()
        for reason in ["pulling the image", "Readiness probe failed: HTTP probe failed with statuscode: 503", nil] {
            for index in report.pods.indices {
                report.pods[index].reason = reason
                report.pods[index].isReady = reason == nil
                if reason == nil {
                    report.ready += 1
                    let digest = "sha256:" + String(repeating: "0d1c9f1e", count: 8)
                    report.images = [
                        RunningImage(image: "registry.local:5000/blog:1", id: digest, pods: report.ready)
                    ]
                }
                try add()
            }
        }
        return size
    }
}

extension Story {
    /// As another process finds it in the journal.
    fileprivate func reread() throws -> Story {
        let json = try JSONEncoder().encode(events)
        return try Story(events: JSONDecoder().decode([RecordedEvent].self, from: json))
    }
}
