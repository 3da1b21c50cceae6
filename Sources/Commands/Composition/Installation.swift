import Controller
import Fleet
import Foundation
import Journal
import Kubernetes
import ReleaseMachine
import Server
import ViridianConfiguration
import Workloads

/// The composition root: the journal, cluster and fleet of a configuration, connected to the controller's interfaces.
struct Installation: Sendable {
    let configuration: Configuration
    let journal: Journal
    /// `nil` for verbs that only read the journal.
    let cluster: KubernetesClient?
    var fleet: Fleet?

    /// Why the journal is read from a copy; `nil` if it is not.
    var journalProblem: String?
    /// Why there is no cluster for a verb that uses it, and no fleet if its inventory is the cluster's.
    var clusterProblem: String?
    /// Why there is no fleet for a verb that uses it.
    var fleetProblem: String?

    /// The releases of an app. Commands given through it are recorded in the audit log with their origin.
    func releases(
        _ name: String,
        _ requestOrigin: RequestOrigin = .commandLine
    ) throws(UnknownApp) -> AppReleases {
        let app = try configuration.app(name)
        let cluster = cluster.map { AppCluster(client: $0, app: app) }
        let nodes = fleet.map { fleet in
            FleetNodes(fleet: fleet, app: app) { await cluster?.readinessProbe(of: $0) }
        }
        return AppReleases(
            app: app,
            engine: Engine(
                cluster: cluster ?? unavailable as any Cluster,
                nodes: nodes ?? unavailable as any Nodes,
                journal: AuditedJournal(journal: journal, requestOrigin: requestOrigin),
                clock: SystemClock()
            ),
            freezes: configuration.freeze
        )
    }

    private var unavailable: UnavailableBackend {
        UnavailableBackend(refusal: Refusal(clusterProblem ?? "this verb only reads the journal"))
    }

    /// The configured nodes; `nil` if their inventory is a cluster's and there is no cluster.
    static func fleet(
        _ nodes: NodesConfiguration, in cluster: KubernetesClient?, _ transport: any NodeTransport
    ) throws -> Fleet? {
        guard let inventory = try nodes.inventory(in: cluster) else { return nil }
        return Fleet(
            inventory: inventory,
            transport: transport,
            settings: NodeSettings(
                backends: nodes.backends,
                test: nodes.test,
                reload: nodes.reload,
                pid: nodes.pid,
                sudo: nodes.sudo,
                timeout: nodes.timeout
            ),
            parallel: nodes.parallel
        )
    }
}

extension RequestOrigin {
    /// This machine's command line.
    static var commandLine: RequestOrigin { RequestOrigin(origin: "cli@\(ProcessInfo.processInfo.hostName)") }
}

/// The backend of a verb without a cluster or nodes: every call throws `refusal`.
private struct UnavailableBackend: Cluster, Nodes {
    let refusal: Refusal

    func acquireLease() async throws -> LeaseTerm { throw refusal }
    func renewLease() async throws { throw refusal }
    func releaseLease() async {}
    func note(release number: Int) async throws { throw refusal }
    func survey() async throws -> ClusterSurvey { throw refusal }
    func createCandidate(_ order: Order, _ survey: Survey, report: @escaping @Sendable (CreationProgress) -> Void)
        async throws
    { throw refusal }
    func pods(of color: Color, for order: Order, desired: Int) -> AsyncThrowingStream<PodsObservation, any Error> {
        AsyncThrowingStream { $0.finish(throwing: refusal) }
    }
    func followLive(_ order: Order, _ survey: Survey) async throws -> CandidateSize { throw refusal }
    func recordLive(_ live: LiveVersion, by order: Order) async throws { throw refusal }
    func remove(_ color: Color, madeBy number: Int, orOlder: Bool) async throws -> Int { throw refusal }

    func list() async throws -> [String] { throw refusal }
    func read(_ addresses: [String], claiming fence: Fence?) async -> [NodeReading] { [] }
    func stage(
        _ node: String,
        _ order: Order,
        _ survey: Survey,
        log: @escaping @Sendable (LogMessage) async -> Void
    ) async throws { throw refusal }
    func route(_ node: String, to color: Color, fence: Fence) async throws { throw refusal }
    func openConnections(_ node: String, to color: Color) async throws -> DrainEvidence.Open { throw refusal }
}
