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
            lease.leaseTransitions += found == nil ? 0 : 1
            do {
                try await write(lease, isNew: found == nil)
                acquired = lease.leaseTransitions
                let last = [Annotation.lastRelease, Annotation.release].compactMap {
                    lease.annotations[$0].flatMap(Int.init)
                }
                return LeaseTerm(lastRelease: last.max() ?? 0, duration: LeaseKeeper.duration)
            } catch let error as KubernetesError where error.isConflict || error.isAlreadyExists {
                continue  // Somebody was quicker: look at what they wrote.
            }
        }
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
