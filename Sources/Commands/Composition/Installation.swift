import Controller
import Fleet
import Foundation
import Journal
import Kubernetes
import ReleaseMachine
import Server
import ViridianConfiguration
import Workloads

/// What the configuration names, opened: the composition root, where real backends are plugged into the controller's ports.
struct Installation: Sendable {
    let configuration: Configuration
    let journal: Journal
    /// `nil` for verbs that only look into the journal.
    let cluster: KubernetesClient?
    let fleet: Fleet?

    /// Why the journal is read from a copy; `nil` where it is not.
    var journalTrouble: String?
    /// Why there is no cluster, or no fleet, where the verb would have them.
    var clusterTrouble: String?

    /// The releases of an app; words that are said through it are told to the audit log with where they come from.
    func releases(
        _ name: String,
        _ provenance: Provenance = .commandLine
    ) throws(UnknownApp) -> AppReleases {
        let app = try configuration.app(name)
        let cluster = cluster.map { AppCluster(client: $0, app: app) }
        let nodes = fleet.map { fleet in
            FleetNodes(fleet: fleet, app: app) { await cluster?.readinessProbe(of: $0) }
        }
        return AppReleases(
            app: app,
            engine: Engine(
                cluster: cluster ?? unreached as any Cluster,
                nodes: nodes ?? unreached as any Nodes,
                journal: JournalPort(journal: journal, provenance: provenance),
                clock: SystemClock()
            )
        )
    }

    private var unreached: Unreached {
        Unreached(refusal: Refusal(clusterTrouble ?? "this verb only reads the journal"))
    }

    /// The nodes that the configuration names; `nil` where they come from a cluster that is not there.
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

extension Provenance {
    /// This machine's command line.
    static var commandLine: Provenance { Provenance(origin: "cli@\(ProcessInfo.processInfo.hostName)") }
}

/// Stands where a verb has no cluster or no nodes.
private struct Unreached: Cluster, Nodes {
    let refusal: Refusal

    func acquireLease() async throws -> LeaseTerm { throw refusal }
    func renewLease() async throws { throw refusal }
    func releaseLease() async {}
    func note(release number: Int) async throws { throw refusal }
    func survey() async throws -> ClusterSurvey { throw refusal }
    func createCandidate(_ order: Order, _ survey: Survey, tell: @escaping @Sendable (CreationNews) -> Void)
        async throws
    { throw refusal }
    func pods(of color: Color, for order: Order, desired: Int) -> AsyncThrowingStream<PodsObservation, any Error> {
        AsyncThrowingStream { $0.finish(throwing: refusal) }
    }
    func followLive(_ order: Order, _ survey: Survey) async throws -> CandidateSize { throw refusal }
    func recordLive(_ live: LiveVersion, by order: Order) async throws { throw refusal }
    func remove(_ color: Color, madeBy number: Int, orOlder: Bool) async throws -> Int { throw refusal }

    func list() async throws -> [String] { throw refusal }
    func read(_ addresses: [String], claiming fence: Fence?) async -> [ReleaseMachine.NodeReading] { [] }
    func stage(
        _ node: String,
        _ order: Order,
        _ survey: Survey,
        say: @escaping @Sendable (Line) async -> Void
    ) async throws { throw refusal }
    func route(_ node: String, to color: Color, fence: Fence) async throws { throw refusal }
    func open(_ node: String, to color: Color) async throws -> DrainEvidence.Open { throw refusal }
}
