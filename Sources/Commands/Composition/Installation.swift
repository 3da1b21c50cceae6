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

    /// Opens what a verb needs, and closes it after.
    static func open<T>(
        _ options: GlobalOptions,
        reachingOut: Bool,
        _ body: (Installation) async throws -> T
    ) async throws -> T {
        let path = try ConfigurationFile.locate(explicit: options.config)
        let configuration = try Configuration.load(file: path)
        let journal = try Journal(path: configuration.journal)
        guard reachingOut else {
            return try await body(
                Installation(configuration: configuration, journal: journal, cluster: nil, fleet: nil)
            )
        }
        let access = try ClusterAccess.discover(
            kubeconfig: configuration.kubernetes.kubeconfig,
            context: configuration.kubernetes.context
        )
        let client = KubernetesClient(access)
        do {
            let value = try await configuration.nodes.withTransport { transport in
                let installation = Installation(
                    configuration: configuration,
                    journal: journal,
                    cluster: client,
                    fleet: fleet(configuration.nodes, try configuration.nodes.inventory(in: client), transport)
                )
                return try await body(installation)
            }
            await client.shutdown()
            return value
        } catch {
            await client.shutdown()
            throw error
        }
    }

    /// The releases of an app; words that are said through it are told to the audit log with where they come from.
    func releases(
        _ name: String,
        _ provenance: Provenance = .commandLine
    ) throws(UnknownApp) -> AppReleases {
        let app = try configuration.app(name)
        let cluster = cluster.map { AppCluster(client: $0, app: app) }
        let nodes = fleet.map { fleet in
            FleetNodes(fleet: fleet, app: app) { await cluster?.readinessPath(of: $0) }
        }
        return AppReleases(
            app: app,
            engine: Engine(
                cluster: cluster ?? Unreached() as any Cluster,
                nodes: nodes ?? Unreached() as any Nodes,
                journal: JournalPort(journal: journal, provenance: provenance),
                clock: SystemClock()
            )
        )
    }

    private static func fleet(
        _ nodes: NodesConfiguration, _ inventory: any Inventory, _ transport: any NodeTransport
    ) -> Fleet {
        Fleet(
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

extension Installation {
    func view(of name: String) async throws -> AppView {
        let releases = try releases(name)
        let sight = try await releases.look()
        return AppView(app: releases.app, sight: sight, latest: try releases.latest())
    }
}

/// Stands where a verb that only reads the journal has no cluster and no nodes.
private struct Unreached: Cluster, Nodes {
    private var refusal: Refusal { Refusal("this verb only reads the journal") }

    func acquireLease() async throws -> LeaseTerm { throw refusal }
    func renewLease() async throws { throw refusal }
    func releaseLease() async {}
    func note(release number: Int) async throws { throw refusal }
    func survey() async throws -> ClusterSurvey { throw refusal }
    func createCandidate(_ order: Order, _ survey: Survey) async throws { throw refusal }
    func pods(of color: Color, for order: Order, desired: Int) -> AsyncThrowingStream<PodsObservation, any Error> {
        AsyncThrowingStream { $0.finish(throwing: refusal) }
    }
    func followLive(_ order: Order, _ survey: Survey) async throws -> CandidateSize { throw refusal }
    func recordLive(_ live: LiveVersion, by order: Order) async throws { throw refusal }
    func remove(_ color: Color, madeBy number: Int, orOlder: Bool) async throws { throw refusal }

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
