import Controller
import Foundation
import Kubernetes
import ReleaseMachine

/// The app's lease: its holder may release, and its annotations record what is live. Writes use optimistic concurrency.
actor AppLease {
    static let name = "viridian"
    /// Another machine goes on within 15 s of the holder's death: this, the time between two looks, and one read of the lease.
    static let duration: Duration = .seconds(12)

    private let client: KubernetesClient
    private let app: String
    private let namespace: String
    private let holder: LeaseHolder
    private let now: @Sendable () -> Date
    private var record: LeaseRecord?
    /// `leaseTransitions` when this value acquired the lease. Every acquisition increments it, so it also distinguishes acquisitions of
    /// one process.
    private var acquired: Int?
    /// The newest event that the journal has acknowledged to this holder: it goes with every write.
    private var journal: JournalEnd?
    /// What of that stands in the lease.
    private var recorded: JournalEnd?
    /// Writes come one after the other: two of one process at the same time would conflict.
    private var isWriting = false
    private var waiting: [CheckedContinuation<Void, Never>] = []

    init(
        client: KubernetesClient,
        app: String,
        namespace: String,
        holder: LeaseHolder,
        now: @escaping @Sendable () -> Date = { Date() }
    ) {
        self.client = client
        self.app = app
        self.namespace = namespace
        self.holder = holder
        self.now = now
    }

    /// The current annotations; empty if there is no lease.
    func annotations() async throws -> [String: String] {
        try await read()?.annotations ?? [:]
    }

    func acquire() async throws -> LeaseTerm {
        var conflicts = client.conflictRetry(for: .leases, AppLease.name, namespace: namespace)
        while true {
            let found = try await read()
            if let found, let other = found.holderIdentity, found.isHeld(at: now()) {
                let otherHolder = LeaseHolder(identity: other)
                if otherHolder?.isDead(seenFrom: holder) != true {
                    var held = LeaseHeld(app: app, holder: otherHolder?.text ?? other, release: nil)
                    held.expiresIn = found.timeLeft(at: now())
                    throw held
                }
            }
            var lease = found ?? LeaseRecord(name: AppLease.name, namespace: namespace)
            lease.holderIdentity = holder.identity
            lease.leaseDurationSeconds = Int(AppLease.duration.components.seconds)
            lease.acquireTime = now()
            lease.renewTime = now()
            // The API stores an int32; other clients may have set its maximum.
            if found != nil {
                lease.leaseTransitions =
                    (0..<Int(Int32.max)).contains(lease.leaseTransitions) ? lease.leaseTransitions + 1 : 0
            }
            do {
                try await write(lease, isNew: found == nil)
                acquired = lease.leaseTransitions
                (journal, recorded) = (nil, nil)
                return term(lease)
            } catch let error as KubernetesError where error.isConflict || error.isAlreadyExists {
                // Another client wrote first: read the lease again.
                try await conflicts.waitToRetry(after: error)
            }
        }
    }

    private func term(_ lease: LeaseRecord) -> LeaseTerm {
        var term = LeaseTerm(lastRelease: 0, duration: AppLease.duration)
        for annotation in [Annotation.lastRelease, Annotation.release] {
            guard let text = lease.annotations[annotation] else { continue }
            if let number = Int(releaseNumber: text) {
                term.lastRelease = max(term.lastRelease, number)
            } else {
                term.unreadable = Refusal(
                    "lease \(namespace)/\(AppLease.name) has \(annotation)=\(text), which is not a release number of \(app)",
                    details: [
                        "to fix: kubectl -n \(namespace) annotate lease \(AppLease.name) --overwrite \(annotation)=N, "
                            + "where N is the highest number of `viridian releases \(app)`"
                    ])
            }
        }
        if let text = lease.annotations[Annotation.journal] {
            term.journal = JournalEnd(annotation: text)
            if term.journal == nil {
                term.unreadable = Refusal(
                    "lease \(namespace)/\(AppLease.name) has \(Annotation.journal)=\(text.cut(60)), which is not an event of \(app)",
                    details: [
                        "to fix: kubectl -n \(namespace) annotate lease \(AppLease.name) \(Annotation.journal)-. It says how far the "
                            + "journal went, so that one that has gone back is noticed; the next release writes it again"
                    ])
            }
        }
        return term
    }

    func journalHas(_ end: JournalEnd) { journal = end }

    func recordJournal() async throws {
        try await inTurn {
            // Another write may have brought it there in the meantime.
            if journal != recorded { try await changeNow { $0.renewTime = now() } }
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

    /// Releases the lease; if that fails, the next holder waits until it expires.
    func release() async {
        try? await change { lease in
            lease.holderIdentity = nil
            lease.renewTime = nil
        }
        record = nil
        acquired = nil
    }

    private func inTurn(_ write: () async throws -> Void) async rethrows {
        if isWriting { await withCheckedContinuation { waiting.append($0) } } else { isWriting = true }
        defer { if waiting.isEmpty { isWriting = false } else { waiting.removeFirst().resume() } }
        try await write()
    }

    private func change(_ edit: (inout LeaseRecord) -> Void) async throws {
        try await inTurn { try await changeNow(edit) }
    }

    private func changeNow(_ edit: (inout LeaseRecord) -> Void) async throws {
        var conflicts = client.conflictRetry(for: .leases, AppLease.name, namespace: namespace)
        while true {
            let current: LeaseRecord?
            if let record { current = record } else { current = try await read() }
            guard var lease = current, lease.holderIdentity == holder.identity, lease.leaseTransitions == acquired
            else {
                let other = current?.holderIdentity.flatMap { $0.isEmpty ? nil : $0 }
                throw LeaseLost(holder: other.map { LeaseHolder(identity: $0)?.text ?? $0 })
            }
            edit(&lease)
            let end = journal
            if let end { lease.annotations[Annotation.journal] = end.annotation }
            do {
                try await write(lease, isNew: false)
                recorded = end
                return
            } catch let error as KubernetesError where error.isConflict || error.isNotFound {
                record = nil  // Read it again: another client changed it, or there is another holder.
                try await conflicts.waitToRetry(after: error)
            }
        }
    }

    private func read() async throws -> LeaseRecord? {
        do {
            return try LeaseRecord(try await client.get(.leases, AppLease.name, namespace: namespace))
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
                    details: ["to fix: kubectl create namespace \(namespace)"]
                )
            }
        } else {
            written = try await client.replace(.leases, lease.object, namespace: namespace)
        }
        record = try LeaseRecord(written)
    }
}
