import Testing

@testable import ReleaseMachine

/// A release of the article's app as it is told, event by event. After every event the fold of all events is the same release.
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
        rules: Rules = Rules()
    ) throws {
        let order = Order(
            app: "blog",
            number: number,
            kind: kind,
            version: Story.version,
            image: "registry.local:5000/blog:\(Story.version)",
            verify: verify,
            requestedBy: "anna",
            rules: rules
        )
        events = [RecordedEvent(sequence: 1, at: now, event: .requested(order))]
        release = try #require(Release(folding: events))
    }

    /// Tells one more event, a second after the last or at `time`.
    mutating func tell(
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

    /// Lets the clock of the present phase run out.
    mutating func runOut() throws {
        let timer = try #require(release.timer)
        tell(timer.event, at: timer.at)
    }

    // MARK: The way that most releases go

    static func survey(
        live: LiveVersion? = LiveVersion(color: .blue, version: "20151018.090000"), unreachable: [String] = []
    ) -> Survey {
        Survey(
            live: live,
            candidate: live?.color.other ?? .blue,
            replicas: 3,
            nodes: nodes.filter { !unreachable.contains($0) },
            unreachable: unreachable.map { NodeTrouble(node: $0, isUnreachable: true, message: "timed out") }
        )
    }

    /// What nodes are read back as, all alike.
    static func readings(_ color: Color?, of nodes: [String] = nodes) -> [NodeReading] {
        nodes.map { NodeReading(node: $0, color: color) }
    }

    /// Goes on until the release is in a phase; its nodes are those of the survey.
    mutating func reach(_ phase: Phase, survey: Survey = Story.survey()) {
        while release.phase < phase, !release.state.hasEnded, !release.isBackingOut {
            switch release.phase {
            case .discovering: tell(.discovered(survey))
            case .creating: tell(.candidateCreated)
            case .starting: tell(.podsReady)
            case .staging: for node in survey.nodes { tell(.nodeStaged(node: node)) }
            case .verifying: tell(.promoted(by: "anna"))
            case .switching:
                if !release.isConfirmed { tell(.candidateConfirmed) }
                for node in survey.nodes { tell(.nodeSwitched(node: node)) }
            case .draining:
                if release.recorded == nil { tell(.liveRecorded(survey.candidate)) }
                tell(.drained(DrainEvidence()))
            case .retiring:
                tell(.readBack(Story.readings(survey.candidate)))
                if !release.state.hasEnded {
                    tell(release.effects == [.retainOld] ? .oldRetained(until: now + .seconds(600)) : .oldRemoved)
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

    // MARK: What is asked of it

    var state: Release.State { release.state }
    var phase: Phase { release.phase }
    var effects: Set<Effect> { release.effects }

    var states: [Release.Node.State] { release.nodes.map(\.state) }
}

func trouble(_ node: String, unreachable: Bool = false, _ message: String = "disk full") -> NodeTrouble {
    NodeTrouble(node: node, isUnreachable: unreachable, message: message)
}
