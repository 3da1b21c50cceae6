import Foundation
import Testing

@testable import ReleaseMachine

/// The text of every event as journals hold it. A line here is never edited: a journal that was written yesterday is read tomorrow.
@Suite("The journal's format")
struct EventFormatTests {
    static let golden: [(event: Event, text: String)] = [
        (.requested(bareOrder), "@0"),
        (.requested(fullOrder), "@1"),
        (.promoted(by: "anna"), "@2"),
        (.abortRequested(by: "anna", reason: nil), "@3"),
        (.abortRequested(by: "anna", reason: "wrong version"), "@4"),
        (.discovered(Survey(live: nil, candidate: .blue, replicas: 1, nodes: [])), "@5"),
        (.discovered(Story.survey(unreachable: [Story.nodes[1]])), "@6"),
        (.candidateCreated, "@7"),
        (.podsObserved(pods), "@8"),
        (.podsReady, "@9"),
        (.nodeStaged(node: "10.122.43.70"), "@10"),
        (.candidateConfirmed, "@11"),
        (.nodeSwitched(node: "10.122.43.70"), "@12"),
        (.nodeReverted(node: "10.122.43.70"), "@13"),
        (.nodeFailed(.stage, trouble("10.122.43.70")), "@14"),
        (.nodeFailed(.change, trouble("10.122.43.70", unreachable: true, "timed out")), "@15"),
        (.nodeFailed(.revert, trouble("10.122.43.70")), "@16"),
        (.liveRecorded(.green), "@17"),
        (.drained(DrainEvidence()), "@18"),
        (.drained(DrainEvidence(open: [.init(node: "10.122.43.70", connections: 2, oldWorkers: 1)])), "@19"),
        (.readBack([NodeReading(node: "10.122.43.70", color: .green)]), "@20"),
        (
            .readBack([
                NodeReading(node: "10.122.43.70", color: nil, isUnreachable: true, isNew: true, message: "timed out")
            ]), "@21"
        ),
        (.oldRemoved, "@22"),
        (.oldRetained(until: Story.start), "@23"),
        (.candidateRemoved, "@24"),
        (.refused(.survey, message: "they disagree", details: ["node 10.122.43.70: routes to blue"]), "@25"),
        (.troubled(.createCandidate, message: "no answer"), "@26"),
        (.troubled(.awaitPods, message: "no answer"), "@27"),
        (.troubled(.stage(node: "10.122.43.70"), message: "no answer"), "@28"),
        (.troubled(.confirmCandidate, message: "no answer"), "@29"),
        (.troubled(.switchNode(node: "10.122.43.70"), message: "no answer"), "@30"),
        (.troubled(.revertNode(node: "10.122.43.70"), message: "no answer"), "@31"),
        (.troubled(.recordLive(.blue), message: "no answer"), "@32"),
        (.troubled(.drain, message: "no answer"), "@33"),
        (.troubled(.readBack, message: "no answer"), "@34"),
        (.troubled(.removeOld, message: "no answer"), "@35"),
        (.troubled(.retainOld, message: "no answer"), "@36"),
        (.troubled(.removeCandidate, message: "no answer"), "@37"),
        (.deadlinePassed(.verifying), "@38"),
        (.takenUp(by: "ben"), "@39"),
        (.said(Line(source: "10.122.43.70", "déjà vu/1 \"2\"")), "@40"),
        (.said(Line("hello")), "@41"),
        (.replaced(by: 43, rolledBack: true), "@42"),
    ]

    private static var bareOrder: Order {
        Order(
            app: "blog", number: 1, version: "20151025.143403", image: "registry.local:5000/blog:20151025.143403",
            requestedBy: "anna")
    }

    private static var fullOrder: Order {
        var rules = Rules()
        rules.replicas = 2
        rules.readyTimeout = .milliseconds(1500)
        rules.afterVerifyTimeout = .promote
        rules.previewURL = "http://preview.blog.domain.com/"
        return Order(
            app: "blog", number: 42, kind: .rollback(from: 41), version: "20151025.143403",
            image: "registry.local:5000/blog:20151025.143403", replicas: 3, verify: true, requestedBy: "anna",
            reason: "too slow", rules: rules)
    }

    private static let pods = PodsReport(
        ready: 1, desired: 2,
        pods: [
            PodSummary(name: "blog-green-1", isReady: true),
            PodSummary(name: "blog-green-2", isReady: false, reason: "running, not ready yet", restarts: 1),
        ],
        warnings: ["exceeded quota: pods"])

    private var encoder: JSONEncoder {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return encoder
    }

    @Test("every event is written as it always was")
    func written() throws {
        for (event, text) in Self.golden {
            print("GOLD", text, String(decoding: try encoder.encode(event), as: UTF8.self))
            #expect(String(decoding: try encoder.encode(event), as: UTF8.self) == text)
        }
    }

    @Test("and what was written is read as the same event")
    func read() throws {
        for (event, text) in Self.golden {
            #expect(try JSONDecoder().decode(Event.self, from: Data(text.utf8)) == event)
        }
    }

    @Test("a recorded event comes back whole")
    func roundTrip() throws {
        for (index, (event, _)) in Self.golden.enumerated() {
            let recorded = RecordedEvent(sequence: index + 1, at: Story.start, event: event)
            #expect(try JSONDecoder().decode(RecordedEvent.self, from: encoder.encode(recorded)) == recorded)
        }
    }

    @Test("no event and no effect is missing here")
    func complete() {
        let events = Set(Self.golden.map { Self.name($0.event) })
        #expect(events.count == 24)
        let effects = Set(
            Self.golden.compactMap { golden -> String? in
                switch golden.event {
                case .refused(let effect, _, _), .troubled(let effect, _): Self.name(effect)
                default: nil
                }
            })
        #expect(effects.count == 13)
    }

    // These do not compile when a case is added: it belongs into `golden`, and counted above.
    private static func name(_ event: Event) -> String {
        switch event {
        case .requested: "requested"
        case .promoted: "promoted"
        case .abortRequested: "abortRequested"
        case .discovered: "discovered"
        case .candidateCreated: "candidateCreated"
        case .podsObserved: "podsObserved"
        case .podsReady: "podsReady"
        case .nodeStaged: "nodeStaged"
        case .candidateConfirmed: "candidateConfirmed"
        case .nodeSwitched: "nodeSwitched"
        case .nodeReverted: "nodeReverted"
        case .nodeFailed: "nodeFailed"
        case .liveRecorded: "liveRecorded"
        case .drained: "drained"
        case .readBack: "readBack"
        case .oldRemoved: "oldRemoved"
        case .oldRetained: "oldRetained"
        case .candidateRemoved: "candidateRemoved"
        case .refused: "refused"
        case .troubled: "troubled"
        case .deadlinePassed: "deadlinePassed"
        case .takenUp: "takenUp"
        case .said: "said"
        case .replaced: "replaced"
        }
    }

    private static func name(_ effect: Effect) -> String {
        switch effect {
        case .survey: "survey"
        case .createCandidate: "createCandidate"
        case .awaitPods: "awaitPods"
        case .stage: "stage"
        case .confirmCandidate: "confirmCandidate"
        case .switchNode: "switchNode"
        case .revertNode: "revertNode"
        case .recordLive: "recordLive"
        case .drain: "drain"
        case .readBack: "readBack"
        case .removeOld: "removeOld"
        case .retainOld: "retainOld"
        case .removeCandidate: "removeCandidate"
        }
    }
}
