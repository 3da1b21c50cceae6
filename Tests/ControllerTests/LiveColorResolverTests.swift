import ReleaseMachine
import Testing

@testable import Controller

/// Which colour is live, from cluster, nodes and journal: every combination of them.
@Suite("The live colour is certain, or nothing is touched")
struct LiveColorResolverTests {
    enum Nodes: String, CaseIterable, Sendable { case blue, green, mixed, new, newAndBlue, unclear }
    enum Workloads: String, CaseIterable, Sendable { case none, blue, green, both }
    enum Journal: CaseIterable, Sendable { case silent, sameAndNewer, otherAndNewer, otherAndSame, otherAndOlder }

    /// The result: a live colour, a first release on a colour, or a refusal.
    private enum Outcome: Hashable {
        case live(Color)
        case first(Color)
        case no(String)
    }

    private static let twoColors = Outcome.no("the nodes route to different colours")
    private static let unclear = Outcome.no("not every node routes to exactly one colour")
    private static let differ = Outcome.no("cluster and nodes name different colours as live")
    private static let gone = Outcome.no("the colour that the cluster has recorded as live has no workload")
    private static let both = Outcome.no("both colours have a workload and no node says which is live")
    private static let forgotten = Outcome.no("cluster and journal name different colours as live")

    private static func drifted(_ color: Color) -> Outcome {
        .no("the nodes route to \(color), which has no workload, while \(color.other) has one")
    }

    /// Workloads:                        none, blue, green, both.
    private static let unrecorded: [Nodes: [Outcome]] = [
        .blue: [.first(.blue), .live(.blue), drifted(.blue), .live(.blue)],
        .green: [.first(.green), drifted(.green), .live(.green), .live(.green)],
        .mixed: [twoColors, twoColors, twoColors, twoColors],
        .new: [.first(.blue), .live(.blue), .live(.green), both],
        .newAndBlue: [.first(.blue), .live(.blue), drifted(.blue), .live(.blue)],
        .unclear: [unclear, unclear, unclear, unclear],
    ]

    private static let recordedBlue: [Nodes: [Outcome]] = [
        .blue: [gone, .live(.blue), gone, .live(.blue)],
        .green: [differ, differ, differ, differ],
        .mixed: [twoColors, twoColors, twoColors, twoColors],
        .new: [gone, .live(.blue), gone, .live(.blue)],
        .newAndBlue: [gone, .live(.blue), gone, .live(.blue)],
        .unclear: [unclear, unclear, unclear, unclear],
    ]

    private static func readings(_ nodes: Nodes) -> [NodeReading] {
        let colors: [Color?] =
            switch nodes {
            case .blue: [.blue, .blue]
            case .green: [.green, .green]
            case .mixed: [.blue, .green]
            case .new: [nil, nil]
            case .newAndBlue: [nil, .blue]
            case .unclear: [.blue, nil]
            }
        return zip(["10.122.43.70", "10.122.41.136"], colors).map { node, color in
            NodeReading(
                node: node, color: color, isNew: color == nil && nodes != .unclear,
                message: color == nil ? "both are up" : nil)
        }
    }

    private static func workloads(_ workloads: Workloads) -> [Color: ClusterSurvey.Workload] {
        let colors: [Color] =
            switch workloads {
            case .none: []
            case .blue: [.blue]
            case .green: [.green]
            case .both: [.blue, .green]
            }
        return Dictionary(
            uniqueKeysWithValues: colors.map { color in
                (
                    color,
                    .init(
                        version: "v-\(color)", image: "registry.local:5000/blog:v-\(color)", replicas: 3, ready: 3,
                        release: 5)
                )
            })
    }

    private static func resolver(_ isRecorded: Bool, _ nodes: Nodes, _ workloads: Workloads, _ journal: Journal)
        -> LiveColorResolver
    {
        let remembered: (live: LiveVersion, number: Int)? =
            switch journal {
            case .silent: nil
            case .sameAndNewer: (LiveVersion(color: .blue, version: "v-blue"), 6)
            case .otherAndNewer: (LiveVersion(color: .green, version: "v-green"), 6)
            case .otherAndSame: (LiveVersion(color: .green, version: "v-green"), 5)
            case .otherAndOlder: (LiveVersion(color: .green, version: "v-green"), 4)
            }
        return LiveColorResolver(
            app: "blog",
            cluster: ClusterSurvey(
                recorded: isRecorded ? LiveVersion(color: .blue, version: "v-blue") : nil,
                recordedBy: isRecorded ? 5 : nil, workloads: Self.workloads(workloads)),
            readings: readings(nodes), journal: remembered)
    }

    private static func order(replicas: Int? = nil) -> Order {
        Order(
            app: "blog", number: 7, version: "20151025.143403", image: "registry.local:5000/blog:20151025.143403",
            replicas: replicas, requestedBy: "anna")
    }

    @Test("every combination", arguments: Nodes.allCases, Workloads.allCases)
    func table(_ nodes: Nodes, _ workloads: Workloads) throws {
        for isRecorded in [false, true] {
            for journal in Journal.allCases {
                let row = try #require((isRecorded ? Self.recordedBlue : Self.unrecorded)[nodes])
                var expected = row[try #require(Workloads.allCases.firstIndex(of: workloads))]
                // The journal counts only where the cluster's record agrees with the nodes, and is not newer.
                if isRecorded, journal == .otherAndNewer || journal == .otherAndSame,
                    expected == .live(.blue) || expected == Self.gone
                {
                    expected = Self.forgotten
                }
                let resolver = Self.resolver(isRecorded, nodes, workloads, journal)
                var outcome: Outcome
                do {
                    let survey = try resolver.survey(for: Self.order(), unreachable: [])
                    outcome = survey.live.map { .live($0.color) } ?? .first(survey.candidate)
                    if let live = survey.live {
                        #expect(live.version == "v-\(live.color)")
                        #expect(survey.candidate == live.color.other)
                        #expect(survey.replicas == 3)
                    } else {
                        #expect(survey.replicas == 1)
                    }
                    #expect(survey.nodes == ["10.122.43.70", "10.122.41.136"])
                } catch {
                    outcome = .no(error.message)
                    #expect(error.details.last?.hasSuffix("nothing was touched") == true)
                }
                #expect(
                    outcome == expected,
                    "recorded \(isRecorded), nodes \(nodes), workloads \(workloads), journal \(journal)")
            }
        }
    }

    @Test("a disagreement lists what each of them reports")
    func details() throws {
        let error = #expect(throws: Refusal.self) {
            try Self.resolver(true, .green, .both, .otherAndNewer).survey(for: Self.order(), unreachable: [])
        }
        #expect(
            error?.details == [
                "cluster: blue is live with v-blue (recorded by blog/5)",
                "cluster: blue has v-blue, 3 of 3 pods ready",
                "cluster: green has v-green, 3 of 3 pods ready",
                "journal: blog/6 left green live",
                "node 10.122.43.70: routes to green",
                "node 10.122.41.136: routes to green",
                "to fix: viridian repair blog switches the nodes to the live colour; nothing was touched",
            ])
        let unclear = #expect(throws: Refusal.self) {
            try Self.resolver(false, .unclear, .none, .silent).survey(for: Self.order(), unreachable: [])
        }
        #expect(unclear?.details.first == "cluster: nothing recorded as live")
        #expect(unclear?.details.contains("node 10.122.41.136: both are up") == true)
    }

    @Test("the number of replicas is the order's, or the live colour's, or the app's")
    func replicas() throws {
        let live = Self.resolver(true, .blue, .blue, .silent)
        #expect(try live.survey(for: Self.order(replicas: 9), unreachable: []).replicas == 9)
        #expect(try live.survey(for: Self.order(), unreachable: []).replicas == 3)
        let first = Self.resolver(false, .new, .none, .silent)
        #expect(try first.survey(for: Self.order(replicas: 9), unreachable: []).replicas == 9)
        var order = Self.order()
        order.rules.replicas = 4
        #expect(try first.survey(for: order, unreachable: []).replicas == 4)
    }

    @Test("nodes that do not answer are listed, and do not count")
    func unreachable() throws {
        let problem = NodeProblem(node: "10.122.44.9", isUnreachable: true, message: "timed out")
        let survey = try Self.resolver(true, .blue, .blue, .silent).survey(for: Self.order(), unreachable: [problem])
        #expect(survey.unreachable == [problem])
        #expect(survey.nodes == ["10.122.43.70", "10.122.41.136"])
    }
}
