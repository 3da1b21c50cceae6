/// What was requested: the first event of a release, with all that the release needs of the configuration.
///
/// The rules are part of it, so that a configuration edited during a release applies from the next one on.
package struct Order: Sendable, Hashable, Codable {
    package enum Kind: Sendable, Hashable, Codable {
        case deploy
        /// Brings an earlier version back; `from` is the number of the release that was live.
        case rollback(from: Int?)
    }

    package var app: String
    /// The cluster that it began in; `nil` for the one without a name, and in older journals.
    package var cluster: String?
    /// 1, 2, 3 … for each app; also the fencing token that nodes compare.
    package var number: Int
    package var kind: Kind
    package var version: String
    /// The whole image reference, tag included.
    package var image: String
    /// Requested replicas; `nil` takes as many as the live colour has.
    package var replicas: Int?
    /// Pause before the switch until a person promotes.
    package var verify: Bool
    package var requestedBy: String
    package var reason: String?
    /// When the newest change in this version was committed; `nil` where the caller did not state it.
    package var commitTime: Timestamp?
    package var commit: String?
    /// The URL of the source's repository.
    package var source: String?
    /// The branch or tag that it was built from.
    package var ref: String?
    /// The live version when this was requested, as far as the journal knew it and its commit; for links to what the release changes.
    package var live: LiveCommit?
    /// A hook started it; `nil`, as in older journals: a person did.
    package var isAutomatic: Bool?
    /// A person requested it although it was older than what was live; `nil`: it was not.
    package var isOlder: Bool?
    /// The lock, freeze or rule in spite of which an administrator started it, in one sentence.
    package var overrode: String?
    /// Delete pods without a controller that the candidate's service would select; `nil`, as in older journals: refuse the release.
    package var removeStrays: Bool?
    package var rules: Rules

    package var isRollback: Bool { if case .rollback = kind { true } else { false } }

    package init(
        app: String,
        cluster: String? = nil,
        number: Int,
        kind: Kind = .deploy,
        version: String,
        image: String,
        replicas: Int? = nil,
        verify: Bool = false,
        requestedBy: String,
        reason: String? = nil,
        commitTime: Timestamp? = nil,
        commit: String? = nil,
        source: String? = nil,
        ref: String? = nil,
        live: LiveCommit? = nil,
        isAutomatic: Bool? = nil,
        isOlder: Bool? = nil,
        overrode: String? = nil,
        removeStrays: Bool? = nil,
        rules: Rules = Rules()
    ) {
        self.app = app
        self.cluster = cluster
        self.number = number
        self.kind = kind
        self.version = version
        self.image = image
        self.replicas = replicas
        self.verify = verify
        self.requestedBy = requestedBy
        self.reason = reason
        self.commitTime = commitTime
        self.commit = commit
        self.source = source
        self.ref = ref
        self.live = live
        self.isAutomatic = isAutomatic
        self.isOlder = isOlder
        self.overrode = overrode
        self.removeStrays = removeStrays
        self.rules = rules
    }

    /// A version and the commit that it was built from.
    package struct LiveCommit: Sendable, Hashable, Codable {
        package var version: String
        package var commit: String

        package init(version: String, commit: String) {
            self.version = version
            self.commit = commit
        }
    }

    /// The highest number that a release can have. Nodes compare twice the number, which is still exact where numbers are doubles
    /// (2^53).
    package static let highestNumber = 1 << 52

    /// The image's digest; `nil` where it was requested by its tag only.
    package var digest: String? {
        image.firstIndex(of: "@").map { String(image[image.index(after: $0)...]) }
    }

    /// `blog/42`
    package var name: String { "\(app)/\(number)" }
}

/// How long each phase may take, and what happens when it takes longer.
package struct Rules: Sendable, Hashable, Codable {
    package enum Expiry: String, Sendable, Hashable, Codable { case abort, promote }
    /// Whose approval counts.
    package enum Approvers: String, Sendable, Hashable, Codable {
        case anyone
        /// Not that of the person who requested the release.
        case others
    }

    /// Replicas when no colour is live to take the number from.
    package var replicas = 1
    package var readyTimeout: Duration = .seconds(600)
    package var verifyTimeout: Duration = .seconds(3600)
    package var afterVerifyTimeout = Expiry.abort
    /// The number of people who have to promote a release; `nil`, as in older journals: one.
    package var approvals: Int?
    /// Whose approval counts; `nil`, as in older journals: anyone's.
    package var approvers: Approvers?
    /// For all nodes to stage, including their `postDeploy` command.
    package var stageTimeout: Duration = .seconds(360)
    package var drainLeast: Duration = .seconds(30)
    package var drainMost: Duration = .seconds(300)
    /// How long the old colour stays for an instant rollback after the drain.
    package var retain: Duration = .zero
    /// How many unreachable nodes the release may go on without.
    package var tolerate = 0
    /// For every other step, which normally takes moments: the survey, creating objects, the switch, the way back.
    package var stepTimeout: Duration = .seconds(60)
    package var previewURL: String?
    /// The edition of the state machine that the release began with, and that folds it; `nil` in journals from before editions. An
    /// event keeps the meaning that it had when it was written.
    ///
    /// 1: one node switches first; a release without any participating node fails; time is counted from when the release was last
    /// resumed.
    package var edition: Int? = 1

    /// The journal's format: never changed.
    private enum CodingKeys: String, CodingKey {
        case replicas, readyTimeout, verifyTimeout, afterVerifyTimeout, approvals, approvers, stageTimeout, drainLeast,
            drainMost, retain,
            tolerate
        case stepTimeout = "patience"
        case previewURL, edition
    }

    package init() {}
}
