import ReleaseMachine
import ViridianConfiguration

/// What was requested, with the rules that apply to the release.
package struct OrderView: Encodable, Sendable, Hashable {
    package struct RulesView: Encodable, Sendable, Hashable {
        package var replicas: Int
        package var readyTimeout: String
        package var verifyTimeout: String
        package var afterVerifyTimeout: Rules.Expiry
        /// The number of people who have to promote it; left out where it is one.
        package var approvals: Int?
        /// Whose approval counts; left out where it is anyone's.
        package var approvers: Rules.Approvers?
        package var stageTimeout: String
        package var drainLeast: String
        package var drainMost: String
        package var retain: String
        package var tolerate: Int
        package var stepTimeout: String
        package var previewURL: String?

        init(_ rules: Rules) {
            replicas = rules.replicas
            readyTimeout = rules.readyTimeout.text
            verifyTimeout = rules.verifyTimeout.text
            afterVerifyTimeout = rules.afterVerifyTimeout
            (approvals, approvers) = (rules.approvals, rules.approvers)
            stageTimeout = rules.stageTimeout.text
            drainLeast = rules.drainLeast.text
            drainMost = rules.drainMost.text
            retain = rules.retain.text
            tolerate = rules.tolerate
            stepTimeout = rules.stepTimeout.text
            previewURL = rules.previewURL
        }
    }

    package var app: String
    /// The cluster that it began in; absent for the one without a name.
    package var cluster: String?
    package var number: Int
    package var kind: ReleaseView.Kind
    /// For a rollback: the number of the release that was live.
    package var from: Int?
    package var version: String
    package var image: String
    package var replicas: Int?
    package var verify: Bool
    package var removeStrays: Bool?
    package var requestedBy: String
    package var reason: String?
    package var commit: String?
    package var commitTime: String?
    package var source: String?
    package var ref: String?
    /// The live version when it was requested, and its commit, as far as the journal knew them.
    package var live: Order.LiveCommit?
    package var automatic: Bool?
    package var older: Bool?
    package var overrode: String?
    package var rules: RulesView

    init(_ order: Order) {
        app = order.app
        cluster = order.cluster
        number = order.number
        switch order.kind {
        case .deploy: kind = .deploy
        case .rollback(let from): (kind, self.from) = (.rollback, from)
        }
        version = order.version
        image = order.image
        replicas = order.replicas
        verify = order.verify
        removeStrays = order.removeStrays
        requestedBy = order.requestedBy
        reason = order.reason
        commit = order.commit
        commitTime = order.commitTime?.iso8601
        (source, ref) = (order.source, order.ref)
        (automatic, older, overrode) = (order.isAutomatic, order.isOlder, order.overrode)
        live = order.live
        rules = RulesView(order.rules)
    }
}

/// The live state before the release changed anything.
package struct SurveyView: Encodable, Sendable, Hashable {
    package struct UnreachableView: Encodable, Sendable, Hashable {
        package var node: String
        package var message: String
    }

    package var live: LiveVersion?
    package var candidate: Color
    package var replicas: Int
    package var nodes: [String]
    package var unreachable: [UnreachableView]

    init(_ survey: Survey) {
        live = survey.live
        candidate = survey.candidate
        replicas = survey.replicas
        nodes = survey.nodes
        unreachable = survey.unreachable.map { UnreachableView(node: $0.node, message: $0.message) }
    }
}

/// The candidate's pods at one moment.
package struct PodsView: Encodable, Sendable, Hashable {
    package struct ImageView: Encodable, Sendable, Hashable {
        package var image: String
        /// The digest; left out where the container runtime reports none.
        package var id: String?
        package var pods: Int
    }

    package var ready: Int
    package var desired: Int
    package var pods: [ReleaseView.PodView]
    package var warnings: [String]
    package var images: [ImageView]

    init(_ report: PodsReport) {
        ready = report.ready
        desired = report.desired
        pods = report.pods.map {
            ReleaseView.PodView(name: $0.name, ready: $0.isReady, reason: $0.reason, restarts: $0.restarts)
        }
        warnings = report.warnings
        images = (report.images ?? []).map {
            ImageView(image: $0.image, id: $0.id.isEmpty ? nil : $0.id, pods: $0.pods)
        }
    }
}

/// What a node was read back as routing to.
package struct ReadingView: Encodable, Sendable, Hashable {
    package var node: String
    package var color: Color?
    package var unreachable: Bool
    /// It has no upstream file of the app yet.
    package var new: Bool
    /// nginx is not running.
    package var down: Bool
    package var message: String?

    init(_ reading: NodeReading) {
        node = reading.node
        color = reading.color
        unreachable = reading.isUnreachable
        new = reading.isNew
        down = reading.isDown ?? false
        message = reading.message
    }
}

/// What was still open to the old colour on a node.
package struct OpenView: Encodable, Sendable, Hashable {
    package var node: String
    /// Left out where the node did not answer.
    package var connections: Int?
    package var oldWorkers: Int?

    init(_ open: DrainEvidence.Open) {
        node = open.node
        guard open.connections >= 0 else { return }
        connections = open.connections
        oldWorkers = open.oldWorkers
    }
}
