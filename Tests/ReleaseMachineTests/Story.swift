import Testing

@testable import ReleaseMachine

/// A release of the article's app, built event by event. After every event, folding all events gives the same release.
struct Story {
    static let version = "20151025.143403"
    static let nodes = ["10.122.43.70", "10.122.41.136"]
    static let start = Timestamp(milliseconds: 1_445_783_643_000)

    private(set) var events: [RecordedEvent] = []
    private(set) var release: Release
    private(set) var now = Story.start

    init(
        number: Int = 42,
        kind: Order.Kind = .deploy,
        verify: Bool = false,
        requestedBy: String = "anna",
        isAutomatic: Bool? = nil,
        rules: Rules = Rules()
    ) throws {
        let order = Order(
            app: "blog",
            number: number,
            kind: kind,
            version: Story.version,
            image: "registry.local:5000/blog:\(Story.version)",
            verify: verify,
            requestedBy: requestedBy,
            isAutomatic: isAutomatic,
            rules: rules
        )
        events = [RecordedEvent(sequence: 1, at: now, event: .requested(order))]
        release = try #require(Release(folding: events))
    }

    /// A release as a journal has it.
    init(events: [RecordedEvent]) throws {
        self.events = events
        release = try #require(Release(folding: events))
        now = release.updatedAt
    }

    /// Applies one more event, a second after the last or at `time`.
    mutating func apply(
        _ event: Event,
        at time: Timestamp? = nil,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        now = time ?? now + .seconds(1)
        let recorded = RecordedEvent(sequence: events.count + 1, at: now, event: event)
        events.append(recorded)
        release.apply(recorded)
        #expect(Release(folding: events) == release, sourceLocation: sourceLocation)
    }

    /// Lets the present phase time out.
    mutating func runOut() throws {
        let timer = try #require(release.timer)
        apply(timer.event, at: timer.at)
    }

    // MARK: The usual course

    static func survey(
        live: LiveVersion? = LiveVersion(color: .blue, version: "20151018.090000"), unreachable: [String] = []
    ) -> Survey {
        Survey(
            live: live,
            candidate: live?.color.other ?? .blue,
            replicas: 3,
            nodes: nodes.filter { !unreachable.contains($0) },
            unreachable: unreachable.map { NodeProblem(node: $0, isUnreachable: true, message: "timed out") }
        )
    }

    /// The same reading for every node.
    static func readings(_ color: Color?, of nodes: [String] = nodes) -> [NodeReading] {
        nodes.map { NodeReading(node: $0, color: color) }
    }

    /// A release that has reached a phase; its nodes are those of the survey.
    mutating func reach(_ phase: Phase, survey: Survey = Story.survey()) {
        while release.phase < phase, !release.state.hasEnded, !release.isBackingOut {
            switch release.phase {
            case .discovering: apply(.discovered(survey))
            case .creating: apply(.candidateCreated)
            case .starting: apply(.podsReady)
            case .staging: for node in survey.nodes { apply(.nodeStaged(node: node)) }
            case .verifying: apply(.promoted(by: "anna"))
            case .switching:
                if !release.isConfirmed { apply(.candidateConfirmed) }
                for node in survey.nodes { apply(.nodeSwitched(node: node)) }
            case .draining:
                if release.recorded == nil { apply(.liveRecorded(survey.candidate)) }
                apply(.drained(DrainEvidence()))
            case .retiring:
                apply(.readBack(Story.readings(survey.candidate)))
                if !release.state.hasEnded {
                    apply(release.effects == [.retainOld] ? .oldRetained(until: now + .seconds(600)) : .oldRemoved)
                }
            case .done: return
            }
        }
    }

    static func reaching(
        _ phase: Phase,
        verify: Bool = false,
        rules: Rules = Rules(),
        survey: Survey = Story.survey()
    ) throws -> Story {
        var story = try Story(verify: verify, rules: rules)
        story.reach(phase, survey: survey)
        try #require(story.release.phase == phase)
        return story
    }

    // MARK: Queries

    var state: Release.State { release.state }
    var phase: Phase { release.phase }
    var effects: Set<Effect> { release.effects }

    var states: [Release.Node.State] { release.nodes.map(\.state) }
}

func problem(_ node: String, unreachable: Bool = false, _ message: String = "disk full") -> NodeProblem {
    NodeProblem(node: node, isUnreachable: unreachable, message: message)
}
