import ReleaseMachine

/// A release as a JSON object of the API and of `-o json`. Fields are added, never renamed. Times are ISO 8601.
package struct ReleaseView: Codable, Sendable, Hashable {
    package struct Previous: Codable, Sendable, Hashable {
        package var color: Color
        package var version: String
    }

    package struct NodeView: Codable, Sendable, Hashable {
        package var address: String
        package var state: String
        package var color: Color?
        package var message: String?
    }

    package struct PodView: Codable, Sendable, Hashable {
        package var name: String
        package var ready: Bool
        package var reason: String?
        package var restarts: Int
    }

    package struct LeftoverView: Codable, Sendable, Hashable {
        /// `workload`: a colour's workload with its pods; `record`: what the cluster should have recorded as live.
        package var kind: Leftover.Kind
        package var color: Color
        package var version: String
        package var message: String?
    }

    package struct AbortView: Codable, Sendable, Hashable {
        package var by: String
        package var reason: String?
    }

    package struct ApprovalView: Codable, Sendable, Hashable {
        package var by: String
        package var at: String
    }

    package struct FailureView: Codable, Sendable, Hashable {
        package var phase: Phase
        package var message: String
        package var details: [String]
    }

    package struct PhaseView: Codable, Sendable, Hashable {
        package var phase: Phase
        package var startedAt: String
        package var endedAt: String?
        /// How long it took; left out while it runs.
        package var milliseconds: Int64?
    }

    /// `rollback` brings an earlier version back; `deploy` brings a version live.
    package enum Kind: String, Codable, Sendable { case deploy, rollback }

    package var app: String
    package var number: Int
    package var kind: Kind
    package var version: String
    package var image: String
    package var color: Color?
    package var previous: Previous?
    package var state: Release.State
    package var phase: Phase
    package var replicas: Int?
    package var requestedBy: String
    package var reason: String?
    package var createdAt: String
    package var updatedAt: String
    package var endedAt: String?
    /// The digest of the image, which is released wherever its tag points; left out where it was requested by its tag only.
    package var digest: String?
    /// The commit that it was built from, where that is known.
    package var commit: String?
    /// When the newest change in it was committed, where the caller stated it.
    package var commitTime: String?
    /// The URL of the source's repository.
    package var source: String?
    /// The branch or tag that it was built from.
    package var ref: String?
    /// A hook started it; left out where a person did.
    package var automatic: Bool?
    /// A person requested it although it was older than what was live; left out where it was not.
    package var older: Bool?
    /// The lock, freeze or rule in spite of which an administrator started it.
    package var overrode: String?
    /// The version for which it was given up.
    package var supersededBy: String?
    /// The page that shows what it changes: the commits between the live version and its own.
    package var compareURL: String?
    /// In the order in which the release passed them; the last one has no end while the release runs.
    package var phases: [PhaseView]
    package var failure: FailureView?
    /// Who promoted it after its pause.
    package var promotedBy: String?
    /// Who approved it, in order; with the last one's approval it was promoted. Left out where nobody has.
    package var approvals: [ApprovalView]?
    /// The number of people who have to promote it; left out where anybody can.
    package var approvalsNeeded: Int?
    /// `others`: not the person who requested it; left out where anybody counts.
    package var approvers: Rules.Approvers?
    /// Why an administrator promoted it without the approvals that it needed.
    package var forcedReason: String?
    /// Who aborted the release, and why.
    package var aborted: AbortView?
    package var nodes: [NodeView]
    package var pods: [PodView]
    package var previewURL: String?
    package var awaiting: String?
    package var deadline: String?
    /// Nodes that `repair` has to switch; empty when all are correct.
    package var needRepair: [String]
    /// What else the release did not clean up before its timeout; left out when there is nothing.
    package var leftovers: [LeftoverView]?
    /// Until when the old colour's pods stay for an instant rollback.
    package var retainedUntil: String?
    /// The newest error of something that is being retried.
    package var problem: String?
    /// The sequence number of the newest event that this includes.
    package var sequence: Int

    /// `1 of 2: ann`, while it awaits promotion by more than one person.
    package var approvalCount: String? {
        guard awaiting != nil, let approvalsNeeded, approvalsNeeded > 1 else { return nil }
        return Approval.count((approvals ?? []).map(\.by), of: approvalsNeeded)
    }

    package init(_ release: Release) {
        let order = release.order
        app = order.app
        number = order.number
        kind = order.isRollback ? .rollback : .deploy
        version = order.version
        image = order.image
        color = release.candidate
        previous = release.previous.map { Previous(color: $0.color, version: $0.version) }
        state = release.state
        phase = release.phase
        replicas = release.survey?.replicas ?? order.replicas
        requestedBy = order.requestedBy
        reason = order.reason
        createdAt = release.createdAt.iso8601
        updatedAt = release.updatedAt.iso8601
        endedAt = release.endedAt?.iso8601
        digest = order.digest
        commit = order.commit
        commitTime = order.commitTime?.iso8601
        source = order.source
        ref = order.ref
        automatic = order.isAutomatic
        older = order.isOlder
        overrode = order.overrode
        if case .superseded(let version) = release.cause { supersededBy = version }
        compareURL = release.compareURL
        failure = release.failure.map { FailureView(phase: $0.phase, message: $0.message, details: $0.details) }
        promotedBy = release.promotedBy
        if !release.approvals.isEmpty {
            approvals = release.approvals.map { ApprovalView(by: $0.by, at: $0.at.iso8601) }
        }
        if release.needsApprovals {
            approvalsNeeded = order.rules.neededApprovals
            approvers = order.rules.approvers
        }
        forcedReason = release.forcedReason
        if case .aborted(let by, let reason) = release.cause { aborted = AbortView(by: by, reason: reason) }
        nodes = release.nodes.map {
            NodeView(address: $0.address, state: $0.state.rawValue, color: $0.color, message: $0.problem)
        }
        pods = (release.pods?.pods ?? []).map {
            PodView(name: $0.name, ready: $0.isReady, reason: $0.reason, restarts: $0.restarts)
        }
        previewURL = order.rules.previewURL
        awaiting = release.state == .paused ? "promote" : nil
        deadline = release.verifyDeadline?.iso8601
        needRepair = release.needRepair.map(\.node)
        if !release.leftovers.isEmpty {
            leftovers = release.leftovers.map {
                LeftoverView(
                    kind: $0.kind, color: $0.version.color, version: $0.version.version, message: $0.message)
            }
        }
        phases = release.spans.map { span in
            PhaseView(
                phase: span.phase,
                startedAt: span.startedAt.iso8601,
                endedAt: span.endedAt?.iso8601,
                milliseconds: span.endedAt.map { ($0 - span.startedAt).milliseconds }
            )
        }
        retainedUntil = release.retainedUntil?.iso8601
        problem = release.problem
        sequence = release.sequence
    }
}
