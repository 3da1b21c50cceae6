import Controller
import Fleet
import ReleaseMachine
import ViridianConfiguration
import Workloads

/// The controller's `SharedReadings`, backed by the fleet and the cluster's watches.
struct FleetReadings: SharedReadings {
    let fleet: Fleet
    /// `nil` where there is no cluster.
    let surveys: ClusterSurveys?
    /// Why not.
    let clusterProblem: String?
    let apps: [String]
    private let configurations: [String: AppConfiguration]

    init(fleet: Fleet, surveys: ClusterSurveys?, clusterProblem: String? = nil, apps: [AppConfiguration]) {
        self.fleet = fleet
        self.surveys = surveys
        self.clusterProblem = clusterProblem
        self.apps = apps.map(\.name.text)
        configurations = Dictionary(apps.map { ($0.name.text, $0) }) { first, _ in first }
    }

    func run() async { await surveys?.run() }

    func list() async throws -> [String] { try await fleet.listed() }

    func read(_ node: String, _ names: [String]) async -> [NodeReading] {
        // Unknown names cannot come from the configuration.
        let apps = names.compactMap { configurations[$0] }
        return await fleet.read(apps.map(Upstream.init), on: Node(node)) { upstream, reading in
            NodeReading(of: upstream, reading)
        }
    }

    func survey(_ app: String) async throws -> ClusterSurvey {
        guard let surveys else { throw Refusal(clusterProblem ?? "no cluster is configured") }
        return try await surveys.survey(app)
    }
}
