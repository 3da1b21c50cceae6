import ReleaseMachine

@testable import Integrations

/// The events of a release, and its milestones.
struct ReleaseStory {
    static let start = Timestamp(milliseconds: 1_445_783_643_000)
    static let nodes = ["10.122.43.70", "10.122.41.136"]
    static let commit = "a1b2c3d4e5f60718293a4b5c6d7e8f9012345678"
    static let liveCommit = "1f2e3d4c5b6a79880011223344556677889900aa"

    private(set) var events: [RecordedEvent]

    init(
        _ number: Int = 42, verify: Bool = false, source: String? = "https://github.com/mike/blog",
        commit: String? = ReleaseStory.commit, edit: (inout Order) -> Void = { _ in }
    ) {
        var order = Order(
            app: "blog", number: number, version: "v2", image: "registry.local:5000/blog:v2", verify: verify,
            requestedBy: "anna", commit: commit, source: source)
        order.live = Order.LiveCommit(version: "v1", commit: ReleaseStory.liveCommit)
        order.rules.previewURL = "http://preview.blog.domain.com/"
        edit(&order)
        events = [RecordedEvent(sequence: 1, at: ReleaseStory.start, event: .requested(order))]
    }

    mutating func add(_ more: Event...) {
        for event in more {
            let sequence = events.count + 1
            events.append(RecordedEvent(sequence: sequence, at: Self.start + .seconds(sequence), event: event))
        }
    }

    mutating func reachSwitch() {
        add(
            .discovered(
                Survey(
                    live: LiveVersion(color: .blue, version: "v1"), candidate: .green, replicas: 2,
                    nodes: Self.nodes)),
            .candidateCreated, .podsReady)
        for node in Self.nodes { add(.nodeStaged(node: node)) }
    }

    mutating func goLive() {
        add(.candidateConfirmed)
        for node in Self.nodes { add(.nodeSwitched(node: node)) }
        add(
            .liveRecorded(.green), .drained(DrainEvidence()),
            .readBack(Self.nodes.map { NodeReading(node: $0, color: .green) }), .oldRemoved)
    }

    var milestones: [Milestone] { Milestones(events)?.all ?? [] }
    var release: Release? { Release(folding: events) }

    func reports(_ site: DeploymentReport.Site = ReleaseStory.site) -> [DeploymentReport] {
        DeploymentReport.reports(for: milestones, site)
    }

    func report(_ status: DeploymentReport.Status) -> DeploymentReport? { reports().first { $0.status == status } }

    static let site = DeploymentReport.Site(server: "https://deploy.domain.com", host: "blog.domain.com")
}
