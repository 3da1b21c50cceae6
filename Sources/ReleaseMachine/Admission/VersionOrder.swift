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
        return pushedAt < other.pushedAt ? .arrival : nil
    }

    /// A commit's SHA may consist of digits only.
    private var number: VersionNumber? {
        if let commit, commit.hasPrefix(version) { return nil }
        return VersionNumber(version)
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
