import Controller
import Foundation
import Kubernetes
import ReleaseMachine
import ViridianConfiguration

/// One app's objects in the cluster: two services, a workload for each colour, and the lease.
package struct AppCluster: Cluster {
    let client: KubernetesClient
    let app: AppConfiguration
    let lease: AppLease
    /// How long a deletion may take beyond its normal time: a pod's grace period, or the garbage collector's delay.
    var deletionTolerance: Duration = .seconds(30)

    /// How long denied calls are repeated while `/readyz` is denied too: a server that has just started loads its roles meanwhile.
    var denialTolerance: Duration = .seconds(10)

    package init(client: KubernetesClient, app: AppConfiguration, holder: LeaseHolder = .current()) {
        self.client = client
        self.app = app
        lease = AppLease(client: client, app: app.name.text, namespace: app.namespace, holder: holder)
    }

    var namespace: String { app.namespace }

    /// The kind of the app's workloads.
    var kind: Resource { app.workload == .deployment ? .deployments : .replicationControllers }

    // MARK: - Lease

    package func acquireLease() async throws -> LeaseTerm {
        try await reportingMissingRights { try await lease.acquire() }
    }
    package func renewLease() async throws { try await lease.renew() }
    package func releaseLease() async { await lease.release() }

    package func note(release number: Int) async throws {
        try await reportingMissingRights { try await lease.annotate([Annotation.lastRelease: "\(number)"]) }
    }

    package func journalHas(_ end: JournalEnd) async { await lease.journalHas(end) }
    package func recordJournal() async throws {
        try await reportingMissingRights { try await lease.recordJournal() }
    }

    package func recordLive(_ live: LiveVersion, by order: Order) async throws {
        // After an abort or rollback, the live colour is an earlier release's.
        try await reportingMissingRights {
            let maker = try await workload(live.color)?.release ?? order.number
            try await lease.annotate([
                Annotation.liveColor: live.color.rawValue, Annotation.liveVersion: live.version,
                Annotation.release: "\(maker)",
            ])
        }
    }

    // MARK: - Survey

    package func survey() async throws -> ClusterSurvey { try await reportingMissingRights { try await observe() } }

    private func observe() async throws -> ClusterSurvey {
        let annotations = try await lease.annotations()
        var workloads: [Color: ClusterSurvey.Workload] = [:]
        for color in Color.allCases {
            guard let object = try await workload(color), !object.isBeingDeleted else { continue }
            workloads[color] = Self.summary(object, of: app)
        }
        let live = LiveRecord(annotations)
        return ClusterSurvey(
            recorded: live.version, recordedBy: live.release, workloads: workloads, journal: live.journal)
    }

    static func summary(_ object: JSON, of app: AppConfiguration) -> ClusterSurvey.Workload {
        let image = CandidateWorkload.image(in: object, of: app) ?? ""
        return ClusterSurvey.Workload(
            version: object.version
                ?? (try? ImageReference(image))?.tag ?? image,
            image: image,
            replicas: object[at: "spec.replicas"]?.count ?? 1,
            ready: object[at: "status.readyReplicas"]?.count ?? 0,
            release: object.release
        )
    }

    /// The colour's workload of either kind: an earlier configuration may have used the other one.
    func workload(_ color: Color) async throws -> JSON? {
        for kind in kinds {
            if let object = try await workload(color, kind) { return object }
        }
        return nil
    }

    /// Both kinds, the configured one first.
    var kinds: [Resource] {
        kind == .deployments ? [.deployments, .replicationControllers] : [.replicationControllers, .deployments]
    }

    private func workload(_ color: Color, _ kind: Resource) async throws -> JSON? {
        do {
            return try await find(kind, app.workloadName(color))
        } catch let error as KubernetesError where error.isDenied && kind != self.kind {
            return nil  // The account needs rights for the configured kind only.
        }
    }

    func find(_ resource: Resource, _ name: String) async throws -> JSON? {
        do {
            return try await client.get(resource, name, namespace: namespace)
        } catch let error as KubernetesError where error.isNotFound {
            return nil
        }
    }

    // MARK: - Removal

    @discardableResult
    package func remove(_ color: Color, madeBy number: Int, orOlder: Bool) async throws -> Int {
        try await reportingMissingRights { try await removeAll(color, madeBy: number, orOlder: orOlder) }
    }

    private func removeAll(_ color: Color, madeBy number: Int, orOlder: Bool) async throws -> Int {
        for kind in kinds {
            while let object = try await workload(color, kind), !object.isBeingDeleted {
                let made = object.release
                guard made == number || (orOlder && (made ?? 0) <= number) else { return 0 }
                try await deleteAutoscalers(of: color)
                try await delete(object)
            }
        }
        return try await podsTerminating(color)
    }

    func delete(_ object: JSON) async throws {
        guard let name = object.name else { return }
        do {
            _ = try await client.delete(
                object.workloadResource,
                name,
                namespace: namespace,
                // Foreground deletion would keep the object until its last pod has terminated.
                propagation: .background,
                uid: object.uid
            )
        } catch let error as KubernetesError where error.isNotFound || error.isConflict {
            return  // Already deleted, or another object of that name: the caller reads it again.
        }
    }

    func selector(_ color: Color) -> String {
        app.selector(color).sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: ",")
    }
}

extension JSON {
    var name: String? { self[at: "metadata.name"]?.string }
    /// From Viridian's annotation, or else from the recommended label.
    var version: String? {
        Version.text(self[at: "metadata.annotations"]?[Annotation.version]?.string)
            ?? self[at: "metadata.labels"]?[Label.version]?.string
    }
    var uid: String? { self[at: "metadata.uid"]?.string }
    var isBeingDeleted: Bool { self[at: "metadata.deletionTimestamp"]?.string != nil }
    var release: Int? {
        self[at: "metadata.annotations"]?[Annotation.release]?.string.flatMap(Int.init(releaseNumber:))
    }
    var workloadResource: Resource { self["kind"]?.string == "Deployment" ? .deployments : .replicationControllers }
}

/// What an app's lease has recorded as live, and by which release.
struct LiveRecord: Sendable, Hashable {
    var version: LiveVersion?
    var release: Int?
    var journal: JournalEnd?

    init(_ annotations: [String: String]) {
        version = annotations[Annotation.liveColor].flatMap(Color.init).map {
            LiveVersion(color: $0, version: Version.text(annotations[Annotation.liveVersion]) ?? "?")
        }
        release = annotations[Annotation.release].flatMap(Int.init(releaseNumber:))
        journal = annotations[Annotation.journal].flatMap(JournalEnd.init(annotation:))
    }
}

extension Version {
    /// The version in an annotation; `nil` if it is not valid, since other clients can write any text there.
    fileprivate static func text(_ annotation: String?) -> String? { annotation.flatMap { try? Version($0) }?.text }
}
