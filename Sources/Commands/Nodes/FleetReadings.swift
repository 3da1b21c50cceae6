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
    private let upstreams: [Upstream]

    init(fleet: Fleet, surveys: ClusterSurveys?, clusterProblem: String? = nil, apps: [AppConfiguration]) {
        self.fleet = fleet
        self.surveys = surveys
        self.clusterProblem = clusterProblem
        self.apps = apps.map(\.name.text)
        upstreams = apps.map(Upstream.init)
    }

    func run() async { await surveys?.run() }

    func list() async throws -> [String] { try await fleet.listed() }

    func read(_ node: String, _ names: [String]) async -> [NodeReading] {
        // Names come from `apps`.
        let wanted = names == apps ? upstreams : names.compactMap { name in upstreams.first { $0.app == name } }
        return await fleet.read(wanted, on: Node(node)) { NodeReading(of: $0, $1) }
    }

    func survey(_ app: String) async throws -> ClusterSurvey {
        guard let surveys else { throw Refusal(clusterProblem ?? "no cluster is configured") }
        return try await surveys.survey(app)
    }
}
