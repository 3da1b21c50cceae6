import Controller
import Foundation
import Journal
import Logging
import ReleaseMachine
import ViridianConfiguration

@testable import Server

/// Releases of the article's app, built from events, and the pages that show them.
struct PagesStory {
    static let start = Timestamp(milliseconds: 1_445_783_643_000)
    static let nodes = ["10.122.43.70", "10.122.41.136"]

    private(set) var history: ReleaseHistory
    private(set) var now: Timestamp

    var release: Release { history.release }
    var events: [EventView] { history.events }

    init(
        _ number: Int = 42, version: String = "20151025.143403", reason: String? = "faster front page",
        verify: Bool = false,
        isRollback: Bool = false,
        rules: Rules = Rules(),
        at start: Timestamp = start
    ) throws {
        var rules = rules
        rules.previewURL = "http://preview.blog.domain.com/"
        let order = Order(
            app: "blog", number: number, kind: isRollback ? .rollback(from: 42) : .deploy, version: version,
            image: "registry.local:5000/blog:\(version)", verify: verify, requestedBy: "anna", reason: reason,
            rules: rules)
        let first = RecordedEvent(sequence: 1, at: start, event: .requested(order))
        guard let history = ReleaseHistory([first]) else { throw NoRelease() }
        self.history = history
        now = start
    }

    private struct NoRelease: Error {}

    mutating func append(_ event: Event, after pause: Duration = .seconds(1)) {
        now = now + pause
        history.append(RecordedEvent(sequence: release.sequence + 1, at: now, event: event))
    }

    /// Up to the phase `starting`.
    mutating func start(nodes: [String] = PagesStory.nodes) {
        append(
            .discovered(
                Survey(
                    live: LiveVersion(color: .blue, version: "20151018.090000"), candidate: .green, replicas: 2,
                    nodes: nodes)))
        append(.candidateCreated)
    }

    mutating func stage(nodes: [String] = PagesStory.nodes) {
        let pods = ["x1y2z", "a3b4c"].map { PodSummary(name: "blog-green-\($0)", isReady: true) }
        append(.podsObserved(PodsReport(ready: 2, desired: 2, pods: pods)), after: .seconds(9))
        append(.podsReady)
        for node in nodes { append(.nodeStaged(node: node)) }
    }

    mutating func finish(nodes: [String] = PagesStory.nodes) {
        append(.candidateConfirmed)
        for node in nodes { append(.nodeSwitched(node: node)) }
        append(.liveRecorded(.green))
        append(.drained(DrainEvidence()), after: .seconds(30))
        append(.readBack(nodes.map { NodeReading(node: $0, color: .green) }))
        append(.oldRemoved)
    }

    static func live(_ number: Int = 41, at start: Timestamp = start) throws -> PagesStory {
        var story = try PagesStory(number, at: start)
        story.start()
        story.stage()
        story.finish()
        return story
    }

    /// The events of a release that was aborted at once.
    static func old(app: String) throws -> [RecordedEvent] {
        let order = Order(
            app: app, number: 1, version: "v0", image: "registry.local:5000/\(app):v0", requestedBy: "anna")
        let events: [Event] = [.requested(order), .abortRequested(by: "anna", reason: nil), .candidateRemoved]
        return events.enumerated().map { RecordedEvent(sequence: $0 + 1, at: start, event: $1) }
    }

    // MARK: - Pages

    static func configuration(_ app: String = "blog") throws -> AppConfiguration {
        try AppConfiguration(
            app: app, ports: .init(container: 9000, blue: 30000, green: 30001), image: "registry.local:5000/\(app)")
    }

    static func app(
        _ release: Release?, name: String = "blog", readings: [NodeReading]? = nil, problem: String? = nil
    ) throws -> AppView {
        let survey = ClusterSurvey(
            recorded: LiveVersion(color: .blue, version: "20151018.090000"), recordedBy: 40,
            workloads: [.blue: .init(version: "20151018.090000", image: "i", replicas: 2, ready: 2, release: 40)])
        let observation = AppObservation(
            at: start, survey: survey, readings: readings ?? nodes.map { NodeReading(node: $0, color: .blue) })
        return AppView(
            app: try configuration(name), observation: observation, latest: release, problem: problem, isServed: true)
    }

    static func user(_ role: Role, _ name: String = "lisa") -> Identity {
        Identity(tokenID: name, name: name, role: role, apps: nil)
    }

    func page(
        _ view: ReleaseLog.View = .init(), past: [ReleaseSummary] = [], user: Identity = PagesStory.user(.deployer)
    ) throws -> Pages.Page {
        ReleasePage(
            snapshot: history.snapshot(view), app: try Self.app(release), latest: release,
            usual: UsualTimes(past, besides: release.order.number), view: view, user: user, now: now
        ).page
    }
}
