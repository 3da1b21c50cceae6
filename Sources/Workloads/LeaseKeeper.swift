import Controller
import Foundation
import Kubernetes
import ReleaseMachine

/// The app's lease: who may release, and what is live. Every write names the version that was read, so that of two writers one fails.
actor LeaseKeeper {
    static let name = "viridian"
    static let duration: Duration = .seconds(15)

    private let client: KubernetesClient
    private let app: String
    private let namespace: String
    private let me: Holder
    private let now: @Sendable () -> Date
    private var record: LeaseRecord?
    /// The lease's transitions when it was acquired here. Every acquisition counts one more, so that it also tells apart those of one
    /// process.
    private var acquired: Int?

    init(
        client: KubernetesClient,
        app: String,
        namespace: String,
        me: Holder,
        now: @escaping @Sendable () -> Date = { Date() }
    ) {
        self.client = client
        self.app = app
        self.namespace = namespace
        self.me = me
        self.now = now
    }

    /// The annotations as they are now; empty when there is no lease.
    func annotations() async throws -> [String: String] {
        try await read()?.annotations ?? [:]
    }

    func acquire() async throws -> LeaseTerm {
        var contention = client.contention(over: .leases, LeaseKeeper.name, namespace: namespace)
        while true {
            let found = try await read()
            if let found, let other = found.holderIdentity, found.isHeld(at: now()) {
                let holder = Holder(identity: other)
                if holder?.isDead(seenFrom: me) != true {
                    throw LeaseHeld(app: app, holder: holder?.text ?? other, release: nil)
                }
            }
            var lease = found ?? LeaseRecord(name: LeaseKeeper.name, namespace: namespace)
            lease.holderIdentity = me.identity
            lease.leaseDurationSeconds = Int(LeaseKeeper.duration.components.seconds)
            lease.acquireTime = now()
            lease.renewTime = now()
            // The API keeps it as an int32, which others may have brought to its end.
            if found != nil {
                lease.leaseTransitions =
                    (0..<Int(Int32.max)).contains(lease.leaseTransitions) ? lease.leaseTransitions + 1 : 0
            }
            do {
                try await write(lease, isNew: found == nil)
                acquired = lease.leaseTransitions
                return term(lease)
            } catch let error as KubernetesError where error.isConflict || error.isAlreadyExists {
                // Somebody was quicker: look at what they wrote.
                try await contention.lost(error)
            }
        }
    }

    private func term(_ lease: LeaseRecord) -> LeaseTerm {
        var term = LeaseTerm(lastRelease: 0, duration: LeaseKeeper.duration)
        for annotation in [Annotation.lastRelease, Annotation.release] {
            guard let text = lease.annotations[annotation] else { continue }
            if let number = Int(releaseNumber: text) {
                term.lastRelease = max(term.lastRelease, number)
            } else {
                term.unreadable = Refusal(
                    "lease \(namespace)/\(LeaseKeeper.name) has \(annotation)=\(text), which is no number of a release of \(app)",
                    details: [
                        "to fix: kubectl -n \(namespace) annotate lease \(LeaseKeeper.name) --overwrite \(annotation)=N, "
                            + "where N is the highest number of `viridian releases \(app)`"
                    ])
            }
        }
        return term
    }

    func renew() async throws {
        try await change { $0.renewTime = now() }
    }

    func annotate(_ values: [String: String]) async throws {
        try await change { lease in
            lease.renewTime = now()
            lease.annotations.merge(values) { $1 }
        }
    }

    /// Gives the lease up; failing to only means that the next one waits until it runs out.
    func release() async {
        try? await change { lease in
            lease.holderIdentity = nil
            lease.renewTime = nil
        }
        record = nil
        acquired = nil
    }

    private func change(_ edit: (inout LeaseRecord) -> Void) async throws {
        var contention = client.contention(over: .leases, LeaseKeeper.name, namespace: namespace)
        while true {
            let current: LeaseRecord?
            if let record { current = record } else { current = try await read() }
            guard var lease = current, lease.holderIdentity == me.identity, lease.leaseTransitions == acquired else {
                let other = current?.holderIdentity.flatMap { $0.isEmpty ? nil : $0 }
                throw LeaseLost(holder: other.map { Holder(identity: $0)?.text ?? $0 } ?? "nobody")
            }
            edit(&lease)
            do {
                return try await write(lease, isNew: false)
            } catch let error as KubernetesError where error.isConflict || error.isNotFound {
                record = nil  // Read it anew: it may be a label that somebody added, or another holder.
                try await contention.lost(error)
            }
        }
    }

    private func read() async throws -> LeaseRecord? {
        do {
            return try LeaseRecord(try await client.get(.leases, LeaseKeeper.name, namespace: namespace))
        } catch let error as KubernetesError where error.isNotFound {
            return nil
        }
    }

    private func write(_ lease: LeaseRecord, isNew: Bool) async throws {
        let written: JSON
        if isNew {
            do {
                written = try await client.create(.leases, lease.object, namespace: namespace)
            } catch let error as KubernetesError where error.isNotFound {
                throw Refusal(
                    "namespace \(namespace) does not exist in the cluster",
                    details: ["make it: kubectl create namespace \(namespace)"]
                )
            }
        } else {
            written = try await client.replace(.leases, lease.object, namespace: namespace)
        }
        record = try LeaseRecord(written)
    }
}
