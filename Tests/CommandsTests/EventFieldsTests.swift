import Controller
import Foundation
import ReleaseMachine
import Testing

@Suite("Events as JSON")
struct EventFieldsTests {
    /// One of each; a new case does not compile here until it has been added.
    private static let all: [Event] = {
        var rules = Rules()
        rules.verifyTimeout = .seconds(600)
        rules.retain = .milliseconds(1500)
        (rules.approvals, rules.approvers) = (2, .others)
        var order = Order(
            app: "blog", number: 42, kind: .rollback(from: 41), version: "v1", image: "registry.local:5000/blog:v1",
            replicas: 3, verify: true, requestedBy: "ann", reason: "too slow",
            commitTime: Timestamp(milliseconds: 1_445_783_643_000), commit: "1a2b3c4",
            source: "https://gitlab.domain.com/mike/blog", ref: "master",
            live: Order.LiveCommit(version: "v2", commit: "1f2e3d4"), isAutomatic: true, overrode: "a freeze",
            removeStrays: true, rules: rules)
        (order.cluster, order.isOlder) = ("berlin", true)
        let problem = NodeProblem(node: "web-1", isUnreachable: true, message: "timed out")
        return [
            .requested(order), .promoted(by: "ann"), .approved(by: "ann"),
            .promotionForced(by: "ann", reason: "prices"), .abortRequested(by: "ann", reason: "prices"),
            .supersedeRequested(version: "v2", by: "registry"),
            .lossAccepted(
                by: "ann", reason: "gone", isLive: true, readings: [NodeReading(node: "web-1", color: .green)]),
            .discovered(
                Survey(
                    live: LiveVersion(color: .blue, version: "v2"), candidate: .green, replicas: 3, nodes: ["web-2"],
                    unreachable: [problem])),
            .candidateCreated, .candidateDelayed(until: Timestamp(milliseconds: 1_445_783_643_000)),
            .podsObserved(
                PodsReport(
                    ready: 1, desired: 3, pods: [PodSummary(name: "a", isReady: false, reason: "slow", restarts: 2)],
                    warnings: ["quota"], images: [RunningImage(image: "blog:v1", id: "sha256:0d1c", pods: 1)])),
            .podsReady, .nodePrepared(node: "web-1"), .nodeStaged(node: "web-1"), .candidateConfirmed,
            .nodeSwitched(node: "web-1"), .nodeReverted(node: "web-1"), .nodeFailed(.stage, problem),
            .nodesLeft(["web-1"]), .liveRecorded(.green),
            .drained(
                DrainEvidence(open: [
                    .init(node: "web-1", connections: 3, oldWorkers: 1),
                    .init(node: "web-2", connections: -1, oldWorkers: 0),
                ])),
            .readBack([NodeReading(node: "web-1", color: .green, isDown: true, message: "nginx is not running")]),
            .oldRemoved, .oldRetained(until: Timestamp(milliseconds: 1_445_783_643_000)), .candidateRemoved,
            .refused(.recordLive(.green), message: "no right", details: ["patch leases"]),
            .troubled(.stage(node: "web-1"), message: "timed out"), .deadlinePassed(.staging), .takenUp(by: "ben"),
            .resumed(milliseconds: 61_000), .said(LogMessage(source: "web-1", "hello")),
            .replaced(by: 43, rolledBack: true),
        ]
    }()

    private static func isListed(_ event: Event) -> Bool {
        switch event {
        case .requested, .promoted, .approved, .promotionForced, .abortRequested, .supersedeRequested,
            .lossAccepted, .discovered,
            .candidateCreated,
            .candidateDelayed, .podsObserved, .podsChanged,
            .podsReady, .nodePrepared, .nodeStaged, .candidateConfirmed, .nodeSwitched, .nodeReverted, .nodeFailed,
            .nodesLeft, .liveRecorded, .drained, .readBack, .oldRemoved, .oldRetained, .candidateRemoved, .refused,
            .troubled, .deadlinePassed, .takenUp, .resumed, .said, .replaced:
            true
        }
    }

    private func fields(_ event: Event) throws -> [String: Any] {
        let line = try EventFields(event).jsonLine()
        return try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
    }

    @Test("each event has its name as type, and only plain JSON keys and numbers", arguments: all)
    func interface(_ event: Event) throws {
        #expect(Self.isListed(event))
        let fields = try fields(event)
        let name = "\(event)".prefix { $0.isLetter || $0.isNumber }
        let spoken = name.split(separator: ".").last.map(String.init) ?? String(name)
        #expect(fields["type"] as? String == spoken)
        check(fields)
    }

    @Test("a change of pods in the journal is told as all pods, as journals of older versions had them")
    func podsChanged() throws {
        let first = RecordedEvent(
            sequence: 1, at: Timestamp(milliseconds: 0), event: .requested(FormattedRelease.order))
        var release = try #require(Release(first))
        var (shown, expected) = (EventFormatter(), EventFormatter())
        for ready in 0...3 {
            let report = PodsReport(
                ready: ready, desired: 3,
                pods: (0..<3).map { index in
                    PodSummary(
                        name: "blog-green-\(index)", isReady: index < ready, reason: index < ready ? nil : "slow")
                })
            let event = try #require(release.podsEvent(for: report))
            let recorded = RecordedEvent(sequence: ready + 2, at: Timestamp(milliseconds: 0), event: event)
            release.apply(recorded)
            let view = EventView(recorded, text: shown.lines(recorded, release), after: release)
            let whole = RecordedEvent(sequence: ready + 2, at: recorded.at, event: .podsObserved(report))
            #expect(view == EventView(whole, text: expected.lines(whole, release), after: release))
            #expect(view.recorded == whole)
            #expect(try fields(view.event)["type"] as? String == "podsObserved")
        }
    }

    private func check(_ value: Any) {
        switch value {
        case let object as [String: Any]:
            for (key, part) in object {
                #expect(key.first?.isLowercase == true && key.allSatisfy(\.isLetter), "\(key)")
                check(part)
            }
        case let list as [Any]: for part in list { check(part) }
        case let number as NSNumber: #expect(abs(number.doubleValue) < 9_007_199_254_740_992, "\(number)")
        default: #expect(value is String, "\(value)")
        }
    }

    @Test("durations are as in the configuration, times are ISO 8601")
    func times() throws {
        let order = try #require(try fields(Self.all[0])["order"] as? [String: Any])
        let rules = try #require(order["rules"] as? [String: Any])
        #expect(rules["verifyTimeout"] as? String == "10m" && rules["retain"] as? String == "1500ms")
        #expect(order["commitTime"] as? String == "2015-10-25T14:34:03.000Z")
        #expect(order["kind"] as? String == "rollback" && order["from"] as? Int == 41)
        // A new rule has to be added to the JSON too, except the edition, which is internal.
        #expect(
            Set(Mirror(reflecting: Rules()).children.compactMap(\.label)).subtracting(rules.keys) == [
                "edition", "previewURL",
            ])
        // What is true or false has no `is` in JSON.
        let properties = Mirror(reflecting: Self.order(Self.all[0])).children.compactMap(\.label).map { label in
            label.hasPrefix("is") ? label.dropFirst(2).lowercased() : label
        }
        #expect(Set(properties).subtracting(order.keys) == [])
    }

    private static func order(_ event: Event) -> Order {
        guard case .requested(let order) = event else { preconditionFailure("the first one is the request") }
        return order
    }

    @Test("an error names the effect, the node and the reason")
    func problem() throws {
        let troubled = try fields(.troubled(.stage(node: "web-1"), message: "timed out"))
        #expect(troubled["effect"] as? String == "stage" && troubled["node"] as? String == "web-1")
        #expect(troubled["message"] as? String == "timed out")
        let refused = try fields(.refused(.recordLive(.green), message: "no right", details: []))
        #expect(refused["effect"] as? String == "recordLive" && refused["color"] as? String == "green")
        let failed = try fields(
            .nodeFailed(.change, NodeProblem(node: "web-1", isUnreachable: false, message: "no")))
        #expect(failed["step"] as? String == "change" && failed["unreachable"] as? Bool == false)
    }
}
