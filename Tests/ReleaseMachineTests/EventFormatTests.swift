import Foundation
import Testing

@testable import ReleaseMachine

/// Every event as it is written in journals. Lines here are never edited: old journals have to stay readable.
@Suite("The journal's format")
struct EventFormatTests {
    static let golden: [(event: Event, text: String)] = [
        (
            .requested(bareOrder),
            #"{"requested":{"_0":{"app":"blog","image":"registry.local:5000/blog:20151025.143403","kind":{"deploy":{}},"number":1,"requestedBy":"anna","rules":{"afterVerifyTimeout":"abort","drainLeast":[1,11553255926290448384],"drainMost":[16,4852094820647174144],"patience":[3,4659767778871345152],"readyTimeout":[32,9704189641294348288],"replicas":1,"retain":[0,0],"stageTimeout":[19,9511862599518519296],"tolerate":0,"verifyTimeout":[195,2884905626637434880]},"verify":false,"version":"20151025.143403"}}}"#
        ),
        (
            .requested(fullOrder),
            #"{"requested":{"_0":{"app":"blog","image":"registry.local:5000/blog:20151025.143403","kind":{"rollback":{"from":41}},"number":42,"reason":"too slow","replicas":3,"requestedBy":"anna","rules":{"afterVerifyTimeout":"promote","drainLeast":[1,11553255926290448384],"drainMost":[16,4852094820647174144],"patience":[3,4659767778871345152],"previewURL":"http://preview.blog.domain.com/","readyTimeout":[0,1500000000000000000],"replicas":2,"retain":[0,0],"stageTimeout":[19,9511862599518519296],"tolerate":0,"verifyTimeout":[195,2884905626637434880]},"verify":true,"version":"20151025.143403"}}}"#
        ),
        (
            .requested(strayOrder),
            #"{"requested":{"_0":{"app":"blog","image":"registry.local:5000/blog:20151025.143403","kind":{"deploy":{}},"number":1,"removeStrays":true,"requestedBy":"anna","rules":{"afterVerifyTimeout":"abort","drainLeast":[1,11553255926290448384],"drainMost":[16,4852094820647174144],"patience":[3,4659767778871345152],"readyTimeout":[32,9704189641294348288],"replicas":1,"retain":[0,0],"stageTimeout":[19,9511862599518519296],"tolerate":0,"verifyTimeout":[195,2884905626637434880]},"verify":false,"version":"20151025.143403"}}}"#
        ),
        (
            .requested(newOrder),
            #"{"requested":{"_0":{"app":"blog","image":"registry.local:5000/blog:20151025.143403","kind":{"deploy":{}},"number":1,"requestedBy":"anna","rules":{"afterVerifyTimeout":"abort","drainLeast":[1,11553255926290448384],"drainMost":[16,4852094820647174144],"edition":1,"patience":[3,4659767778871345152],"readyTimeout":[32,9704189641294348288],"replicas":1,"retain":[0,0],"stageTimeout":[19,9511862599518519296],"tolerate":0,"verifyTimeout":[195,2884905626637434880]},"verify":false,"version":"20151025.143403"}}}"#
        ),
        (
            .requested(hookOrder),
            #"{"requested":{"_0":{"app":"blog","commit":"1a2b3c4","commitTime":1445783643000,"image":"registry.local:5000/blog:20151025.143403","isAutomatic":true,"isOlder":true,"kind":{"deploy":{}},"number":1,"overrode":"blog is frozen","ref":"master","requestedBy":"anna","rules":{"afterVerifyTimeout":"abort","drainLeast":[1,11553255926290448384],"drainMost":[16,4852094820647174144],"edition":1,"patience":[3,4659767778871345152],"readyTimeout":[32,9704189641294348288],"replicas":1,"retain":[0,0],"stageTimeout":[19,9511862599518519296],"tolerate":0,"verifyTimeout":[195,2884905626637434880]},"source":"https://gitlab.domain.com/mike/blog","verify":false,"version":"20151025.143403"}}}"#
        ),
        (
            .supersedeRequested(version: "v2", by: "registry"),
            #"{"supersedeRequested":{"by":"registry","version":"v2"}}"#
        ),
        (
            .lossAccepted(
                by: "ann", reason: "gone", isLive: true,
                readings: [NodeReading(node: "10.122.43.70", color: .green)]),
            #"{"lossAccepted":{"by":"ann","isLive":true,"readings":[{"color":"green","isNew":false,"isUnreachable":false,"node":"10.122.43.70"}],"reason":"gone"}}"#
        ),
        (.promoted(by: "anna"), #"{"promoted":{"by":"anna"}}"#),
        (.approved(by: "anna"), #"{"approved":{"by":"anna"}}"#),
        (
            .promotionForced(by: "anna", reason: "prices are wrong"),
            #"{"promotionForced":{"by":"anna","reason":"prices are wrong"}}"#
        ),
        (.abortRequested(by: "anna", reason: nil), #"{"abortRequested":{"by":"anna"}}"#),
        (
            .abortRequested(by: "anna", reason: "wrong version"),
            #"{"abortRequested":{"by":"anna","reason":"wrong version"}}"#
        ),
        (
            .discovered(Survey(live: nil, candidate: .blue, replicas: 1, nodes: [])),
            #"{"discovered":{"_0":{"candidate":"blue","nodes":[],"replicas":1,"unreachable":[]}}}"#
        ),
        (
            .discovered(Story.survey(unreachable: [Story.nodes[1]])),
            #"{"discovered":{"_0":{"candidate":"green","live":{"color":"blue","version":"20151018.090000"},"nodes":["10.122.43.70"],"replicas":3,"unreachable":[{"isUnreachable":true,"message":"timed out","node":"10.122.41.136"}]}}}"#
        ),
        (.candidateCreated, #"{"candidateCreated":{}}"#),
        (
            .candidateDelayed(until: Story.start), #"{"candidateDelayed":{"until":1445783643000}}"#
        ),
        (
            .podsObserved(pods),
            #"{"podsObserved":{"_0":{"desired":2,"pods":[{"isReady":true,"name":"blog-green-1","restarts":0},{"isReady":false,"name":"blog-green-2","reason":"running, not ready yet","restarts":1}],"ready":1,"warnings":["exceeded quota: pods"]}}}"#
        ),
        (
            .podsObserved(
                PodsReport(
                    ready: 1, desired: 1, pods: [PodSummary(name: "blog-green-1", isReady: true)],
                    images: [RunningImage(image: "registry.local:5000/blog:1", id: "sha256:0d1c", pods: 1)])),
            #"{"podsObserved":{"_0":{"desired":1,"images":[{"id":"sha256:0d1c","image":"registry.local:5000/blog:1","pods":1}],"pods":[{"isReady":true,"name":"blog-green-1","restarts":0}],"ready":1,"warnings":[]}}}"#
        ),
        (
            .podsChanged(PodsChange(ready: 2, desired: 2, pods: [PodSummary(name: "blog-green-2", isReady: true)])),
            #"{"podsChanged":{"_0":{"desired":2,"pods":[{"isReady":true,"name":"blog-green-2","restarts":0}],"ready":2}}}"#
        ),
        (
            .podsChanged(
                PodsChange(
                    ready: 1, desired: 2, pods: [], gone: ["blog-green-2"], warnings: ["exceeded quota: pods"],
                    images: [RunningImage(image: "registry.local:5000/blog:1", id: "sha256:0d1c", pods: 1)])),
            #"{"podsChanged":{"_0":{"desired":2,"gone":["blog-green-2"],"images":[{"id":"sha256:0d1c","image":"registry.local:5000/blog:1","pods":1}],"pods":[],"ready":1,"warnings":["exceeded quota: pods"]}}}"#
        ),
        (.podsReady, #"{"podsReady":{}}"#),
        (.nodePrepared(node: "10.122.43.70"), #"{"nodePrepared":{"node":"10.122.43.70"}}"#),
        (.nodeStaged(node: "10.122.43.70"), #"{"nodeStaged":{"node":"10.122.43.70"}}"#),
        (.candidateConfirmed, #"{"candidateConfirmed":{}}"#),
        (.nodeSwitched(node: "10.122.43.70"), #"{"nodeSwitched":{"node":"10.122.43.70"}}"#),
        (.nodeReverted(node: "10.122.43.70"), #"{"nodeReverted":{"node":"10.122.43.70"}}"#),
        (
            .nodeFailed(.stage, problem("10.122.43.70")),
            #"{"nodeFailed":{"_0":"stage","_1":{"isUnreachable":false,"message":"disk full","node":"10.122.43.70"}}}"#
        ),
        (
            .nodeFailed(.change, problem("10.122.43.70", unreachable: true, "timed out")),
            #"{"nodeFailed":{"_0":"change","_1":{"isUnreachable":true,"message":"timed out","node":"10.122.43.70"}}}"#
        ),
        (
            .nodeFailed(.revert, problem("10.122.43.70")),
            #"{"nodeFailed":{"_0":"revert","_1":{"isUnreachable":false,"message":"disk full","node":"10.122.43.70"}}}"#
        ),
        (.nodesLeft(["10.122.43.70"]), #"{"nodesLeft":{"_0":["10.122.43.70"]}}"#),
        (.liveRecorded(.green), #"{"liveRecorded":{"_0":"green"}}"#),
        (.drained(DrainEvidence()), #"{"drained":{"_0":{"open":[]}}}"#),
        (
            .drained(DrainEvidence(open: [.init(node: "10.122.43.70", connections: 2, oldWorkers: 1)])),
            #"{"drained":{"_0":{"open":[{"connections":2,"node":"10.122.43.70","oldWorkers":1}]}}}"#
        ),
        (
            .drained(
                DrainEvidence(
                    open: [
                        .init(node: "web-1", connections: 0, oldWorkers: 0, arriving: 3, sources: ["10.0.0.7"])
                    ])),
            #"{"drained":{"_0":{"open":[{"arriving":3,"connections":0,"node":"web-1","oldWorkers":0,"sources":["10.0.0.7"]}]}}}"#
        ),
        (
            .readBack([NodeReading(node: "10.122.43.70", color: .green)]),
            #"{"readBack":{"_0":[{"color":"green","isNew":false,"isUnreachable":false,"node":"10.122.43.70"}]}}"#
        ),
        (
            .readBack([
                NodeReading(node: "10.122.43.70", color: nil, isUnreachable: true, isNew: true, message: "timed out")
            ]),
            #"{"readBack":{"_0":[{"isNew":true,"isUnreachable":true,"message":"timed out","node":"10.122.43.70"}]}}"#
        ),
        (.oldRemoved, #"{"oldRemoved":{}}"#),
        (.oldRetained(until: Story.start), #"{"oldRetained":{"until":1445783643000}}"#),
        (.candidateRemoved, #"{"candidateRemoved":{}}"#),
        (
            .refused(.survey, message: "they disagree", details: ["node 10.122.43.70: routes to blue"]),
            #"{"refused":{"_0":{"survey":{}},"details":["node 10.122.43.70: routes to blue"],"message":"they disagree"}}"#
        ),
        (
            .troubled(.createCandidate, message: "no answer"),
            #"{"troubled":{"_0":{"createCandidate":{}},"message":"no answer"}}"#
        ),
        (.troubled(.awaitPods, message: "no answer"), #"{"troubled":{"_0":{"awaitPods":{}},"message":"no answer"}}"#),
        (
            .troubled(.prepare(node: "10.122.43.70"), message: "no answer"),
            #"{"troubled":{"_0":{"prepare":{"node":"10.122.43.70"}},"message":"no answer"}}"#
        ),
        (
            .troubled(.stage(node: "10.122.43.70"), message: "no answer"),
            #"{"troubled":{"_0":{"stage":{"node":"10.122.43.70"}},"message":"no answer"}}"#
        ),
        (
            .troubled(.confirmCandidate, message: "no answer"),
            #"{"troubled":{"_0":{"confirmCandidate":{}},"message":"no answer"}}"#
        ),
        (
            .troubled(.switchNode(node: "10.122.43.70"), message: "no answer"),
            #"{"troubled":{"_0":{"switchNode":{"node":"10.122.43.70"}},"message":"no answer"}}"#
        ),
        (
            .troubled(.revertNode(node: "10.122.43.70"), message: "no answer"),
            #"{"troubled":{"_0":{"revertNode":{"node":"10.122.43.70"}},"message":"no answer"}}"#
        ),
        (
            .troubled(.recordLive(.blue), message: "no answer"),
            #"{"troubled":{"_0":{"recordLive":{"_0":"blue"}},"message":"no answer"}}"#
        ),
        (.troubled(.drain, message: "no answer"), #"{"troubled":{"_0":{"drain":{}},"message":"no answer"}}"#),
        (.troubled(.readBack, message: "no answer"), #"{"troubled":{"_0":{"readBack":{}},"message":"no answer"}}"#),
        (.troubled(.removeOld, message: "no answer"), #"{"troubled":{"_0":{"removeOld":{}},"message":"no answer"}}"#),
        (.troubled(.retainOld, message: "no answer"), #"{"troubled":{"_0":{"retainOld":{}},"message":"no answer"}}"#),
        (
            .troubled(.removeCandidate, message: "no answer"),
            #"{"troubled":{"_0":{"removeCandidate":{}},"message":"no answer"}}"#
        ),
        (.deadlinePassed(.verifying), #"{"deadlinePassed":{"_0":"verifying"}}"#),
        (.resumed(milliseconds: 120_000), #"{"resumed":{"milliseconds":120000}}"#),
        (.takenUp(by: "ben"), #"{"takenUp":{"by":"ben"}}"#),
        (
            .said(LogMessage(source: "10.122.43.70", "déjà vu/1 \"2\"")),
            #"{"said":{"_0":{"source":"10.122.43.70","text":"déjà vu/1 \"2\""}}}"#
        ),
        (.said(LogMessage("hello")), #"{"said":{"_0":{"text":"hello"}}}"#),
        (.replaced(by: 43, rolledBack: true), #"{"replaced":{"by":43,"rolledBack":true}}"#),
    ]

    private static var bareOrder: Order {
        var order = newOrder
        order.rules.edition = nil
        return order
    }

    private static var newOrder: Order {
        Order(
            app: "blog", number: 1, version: "20151025.143403", image: "registry.local:5000/blog:20151025.143403",
            requestedBy: "anna")
    }

    private static var hookOrder: Order {
        Order(
            app: "blog", number: 1, version: "20151025.143403", image: "registry.local:5000/blog:20151025.143403",
            requestedBy: "anna", commitTime: Timestamp(milliseconds: 1_445_783_643_000), commit: "1a2b3c4",
            source: "https://gitlab.domain.com/mike/blog", ref: "master", isAutomatic: true, isOlder: true,
            overrode: "blog is frozen")
    }

    private static var strayOrder: Order {
        var order = bareOrder
        order.removeStrays = true
        return order
    }

    private static var fullOrder: Order {
        var rules = Rules()
        rules.edition = nil
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

    @Test("every event is written in the same form as before")
    func written() throws {
        for (event, text) in Self.golden {
            #expect(String(decoding: try encoder.encode(event), as: UTF8.self) == text)
        }
    }

    @Test("what was written is read as the same event")
    func read() throws {
        for (event, text) in Self.golden {
            #expect(try JSONDecoder().decode(Event.self, from: Data(text.utf8)) == event)
        }
    }

    @Test("a recorded event is read back unchanged")
    func roundTrip() throws {
        for (index, (event, _)) in Self.golden.enumerated() {
            let recorded = RecordedEvent(sequence: index + 1, at: Story.start, event: event)
            #expect(try JSONDecoder().decode(RecordedEvent.self, from: encoder.encode(recorded)) == recorded)
        }
    }

    @Test("no event and no effect is missing here")
    func complete() {
        let events = Set(Self.golden.map { Self.name($0.event) })
        #expect(events.count == 33)
        let effects = Set(
            Self.golden.compactMap { golden -> String? in
                switch golden.event {
                case .refused(let effect, _, _), .troubled(let effect, _): Self.name(effect)
                default: nil
                }
            })
        #expect(effects.count == 14)
    }

    // These do not compile when a case is added: it belongs into `golden`, and counted above.
    private static func name(_ event: Event) -> String {
        switch event {
        case .requested: "requested"
        case .promoted: "promoted"
        case .approved: "approved"
        case .promotionForced: "promotionForced"
        case .abortRequested: "abortRequested"
        case .supersedeRequested: "supersedeRequested"
        case .lossAccepted: "lossAccepted"
        case .discovered: "discovered"
        case .candidateCreated: "candidateCreated"
        case .candidateDelayed: "candidateDelayed"
        case .podsObserved: "podsObserved"
        case .podsChanged: "podsChanged"
        case .podsReady: "podsReady"
        case .nodePrepared: "nodePrepared"
        case .nodeStaged: "nodeStaged"
        case .candidateConfirmed: "candidateConfirmed"
        case .nodeSwitched: "nodeSwitched"
        case .nodeReverted: "nodeReverted"
        case .nodeFailed: "nodeFailed"
        case .nodesLeft: "nodesLeft"
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
        case .resumed: "resumed"
        case .said: "said"
        case .replaced: "replaced"
        }
    }

    private static func name(_ effect: Effect) -> String {
        switch effect {
        case .survey: "survey"
        case .createCandidate: "createCandidate"
        case .awaitPods: "awaitPods"
        case .prepare: "prepare"
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
