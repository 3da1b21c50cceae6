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
    /// Each cluster with its nodes, in the configuration's order; none for verbs that only read the journal.
    let clusters: [ConnectedCluster]

    /// Why the journal is read from a copy; `nil` if it is not.
    var journalProblem: JournalError?

    /// For verbs that look at many apps, by app: their nodes are read for all of them at once.
    var batches: [String: ReadingsBatch] = [:]

    /// The releases of an app. Commands given through it are recorded in the audit log with their origin.
    func releases(
        _ name: String,
        _ requestOrigin: RequestOrigin = .commandLine
    ) throws(UnknownApp) -> AppReleases {
        let app = try configuration.app(name)
        let connected = clusters.first { $0.configuration.name == app.cluster }
        let cluster = connected?.client.map { AppCluster(client: $0, app: app) }
        let nodes = connected?.fleet.map { fleet in
            FleetNodes(fleet: fleet, app: app, batch: batches[name]) { await cluster?.readinessProbe(of: $0) }
        }
        return AppReleases(
            app: app,
            engine: Engine(
                cluster: cluster ?? UnavailableBackend(why: connected?.namedProblem) as any Cluster,
                nodes: nodes ?? UnavailableBackend(why: connected?.namedFleetProblem) as any Nodes,
                journal: AuditedJournal(journal: journal, requestOrigin: requestOrigin),
                clock: SystemClock()
            ),
            freezes: configuration.freeze
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

    init(why: String?) {
        refusal = Refusal(why ?? "this verb only reads the journal")
    }

    func acquireLease() async throws -> LeaseTerm { throw refusal }
    func renewLease() async throws { throw refusal }
    func releaseLease() async {}
    func note(release number: Int) async throws { throw refusal }
    func journalHas(_ end: JournalEnd) async {}
    func recordJournal() async throws { throw refusal }
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
