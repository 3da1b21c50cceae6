/// What somebody asked for: the first event of a release, and all that it needs to know of the configuration.
///
/// The rules of the release travel with it, so that a configuration edited in the middle of a release changes the next one.
package struct Order: Sendable, Hashable, Codable {
    package enum Kind: Sendable, Hashable, Codable {
        case deploy
        /// Goes back to an earlier version; `from` is the release whose version is left.
        case rollback(from: Int?)
    }

    package var app: String
    /// 1, 2, 3 … an app; also the fencing token that nodes compare.
    package var number: Int
    package var kind: Kind
    package var version: String
    /// The whole image reference, tag included.
    package var image: String
    /// Replicas that were asked for; `nil` takes as many as the live colour has.
    package var replicas: Int?
    /// Pause before the switch until a person promotes.
    package var verify: Bool
    package var requestedBy: String
    package var reason: String?
    /// When the newest change in this version was committed, where the caller says so.
    package var commitTime: Timestamp?
    /// Delete pods that belong to nobody and would answer as the candidate's; `nil` as in journals from before: refuse to go on.
    package var removeStrays: Bool?
    package var rules: Rules

    package init(
        app: String,
        number: Int,
        kind: Kind = .deploy,
        version: String,
        image: String,
        replicas: Int? = nil,
        verify: Bool = false,
        requestedBy: String,
        reason: String? = nil,
        commitTime: Timestamp? = nil,
        removeStrays: Bool? = nil,
        rules: Rules = Rules()
    ) {
        self.app = app
        self.number = number
        self.kind = kind
        self.version = version
        self.image = image
        self.replicas = replicas
        self.verify = verify
        self.requestedBy = requestedBy
        self.reason = reason
        self.commitTime = commitTime
        self.removeStrays = removeStrays
        self.rules = rules
    }

    /// Numbers come from the cluster, the nodes and the journal. No release is given a higher one than this: twice as much, which nodes
    /// compare, is still exact wherever numbers are counted.
    package static let highestNumber = 1 << 52

    /// `blog/42`
    package var name: String { "\(app)/\(number)" }
}

/// How long each phase may take, and what follows when it takes longer.
package struct Rules: Sendable, Hashable, Codable {
    package enum Expiry: String, Sendable, Hashable, Codable { case abort, promote }

    /// Replicas where no colour is live to count from.
    package var replicas = 1
    package var readyTimeout: Duration = .seconds(600)
    package var verifyTimeout: Duration = .seconds(3600)
    package var afterVerifyTimeout = Expiry.abort
    /// For all nodes to stage, their `postDeploy` command included.
    package var stageTimeout: Duration = .seconds(360)
    package var drainLeast: Duration = .seconds(30)
    package var drainMost: Duration = .seconds(300)
    /// How long the old colour stays for an instant rollback after the drain.
    package var retain: Duration = .zero
    /// Unreachable nodes to go on without.
    package var tolerate = 0
    /// For everything else that normally takes moments: the survey, creating objects, the switch, going back.
    package var patience: Duration = .seconds(60)
    package var previewURL: String?
    /// By which edition of the machine the release was begun, and so is folded; `nil` in journals from before there were editions. What
    /// events meant when they were written they mean for ever.
    ///
    /// 1: one node switches first; a release that no node takes part in fails; time is counted from the last take-up.
    package var edition: Int? = 1

    package init() {}
}
