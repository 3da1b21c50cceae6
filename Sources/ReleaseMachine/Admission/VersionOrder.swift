extension PushedVersion {
    /// By what two versions of an app are ordered.
    package enum Criterion: String, Sendable, Hashable {
        case commitTime
        case number
        case arrival
    }

    /// Whether this version is older than `other`, and by what: the times of their commits where both are known, else the numbers in
    /// their names, else the times of their arrival. `nil` where it is not older.
    package func isOlder(than other: PushedVersion) -> Criterion? {
        if let mine = commitTime, let theirs = other.commitTime, mine != theirs {
            return mine < theirs ? .commitTime : nil
        }
        if let isLower = number.flatMap({ mine in other.number.flatMap { mine.isLower(than: $0) } }) {
            return isLower ? .number : nil
        }
        guard pushedAt.isKnown, other.pushedAt.isKnown else { return nil }
        return pushedAt < other.pushedAt ? .arrival : nil
    }

    /// A commit's SHA may consist of digits only.
    private var number: VersionNumber? {
        if let commit, commit.hasPrefix(version) { return nil }
        return VersionNumber(version)
    }

    /// Adds what is known of the same image besides. It arrived when it first did.
    package mutating func add(_ known: PushedVersion) {
        digest = digest ?? known.digest
        commit = commit ?? known.commit
        commitTime = commitTime ?? known.commitTime
        source = source ?? known.source
        ref = ref ?? known.ref
        url = url ?? known.url
        if known.pushedAt.isKnown { pushedAt = min(pushedAt, known.pushedAt) }
    }

    /// The same image: by digest where both are known, else by tag.
    package func isSame(as other: PushedVersion) -> Bool {
        if let digest, let theirs = other.digest { return digest == theirs }
        return version == other.version
    }

    /// The version of a release, as far as its request tells.
    package init(_ release: Release) {
        let order = release.order
        self.init(
            app: order.app, version: order.version, digest: order.digest, commit: order.commit,
            commitTime: order.commitTime, source: order.source, ref: order.ref, pushedAt: release.createdAt,
            sender: "deploy")
    }
}

extension Timestamp {
    /// Versions of which nobody told when they were pushed have 0.
    fileprivate var isKnown: Bool { milliseconds > 0 }
}
