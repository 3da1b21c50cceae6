import ReleaseMachine
import ViridianConfiguration

/// What a rollback brings back: a version that was live, by its tag and, where that is known, its digest. A tag such as `latest` may have
/// been live as several images, one after the other.
package struct RollbackTarget: Sendable, Hashable {
    package var version: String
    package var digest: String?
    /// The image that was released; `nil`: it was live before this journal.
    package var image: String?

    /// What a release brought live.
    package init(_ order: Order) {
        (version, digest, image) = (order.version, order.digest, order.image)
    }

    /// A version of which no release is known.
    package init(version: String) {
        self.version = version
    }

    /// The same tag and, where both are known, the same digest.
    package func isSame(as other: RollbackTarget) -> Bool {
        guard version == other.version else { return false }
        guard let digest, let theirs = other.digest else { return true }
        return digest == theirs
    }

    /// `latest (sha256:45ec66bb…)`; the tag alone where no digest is known.
    package var fullName: String { version + (digest.map { " (\($0.prefix(15))…)" } ?? "") }

    package func matches(_ reference: VersionReference) -> Bool {
        guard version == reference.version.text else { return false }
        return reference.digest.map { digest?.hasPrefix($0) ?? false } ?? true
    }
}

extension RollbackTarget {
    /// The version that a rollback without `--to` brings back: what was live before the live one.
    ///
    /// Follows the `previous` version of each release; consecutive releases of one image count as one step. A rollback counts as the
    /// release whose image it brought back: rolling back again goes further back, never forward to what was just replaced.
    ///
    /// `history` is the app's releases, newest first.
    ///
    /// - Returns: `nil` when no version is known to have been live before.
    package static func before(_ live: Release, in history: [Release]) -> RollbackTarget? {
        let left = replaced(by: live, in: history)
        var place: Release? = live
        while let release = place {
            let older = history.filter { $0.order.number < release.order.number && $0.hasBeenLive }
            if release.order.isRollback {
                place = older.first { RollbackTarget($0.order).isSame(as: RollbackTarget(release.order)) }
                continue
            }
            guard let before = release.previous?.version else { return nil }
            let source = older.first { $0.order.version == before }
            let target = source.map { RollbackTarget($0.order) } ?? RollbackTarget(version: before)
            if !left.contains(where: { $0.isSame(as: target) }) { return target }
            place = source
        }
        return nil
    }

    /// The live version, and those that the rollbacks right before it replaced.
    private static func replaced(by live: Release, in history: [Release]) -> [RollbackTarget] {
        var targets = [RollbackTarget(live.order)]
        var release = live
        while case .rollback(let from?) = release.order.kind, from < release.order.number,
            let source = history.first(where: { $0.order.number == from })
        {
            targets.append(RollbackTarget(source.order))
            release = source
        }
        return targets
    }
}

/// The versions of an app that were live, newest first, each once.
package struct FormerlyLive: Sendable {
    package private(set) var all: [RollbackTarget] = []

    /// `history` is the app's releases, newest first.
    package init(_ history: [Release]) {
        for release in history where release.hasBeenLive {
            let target = RollbackTarget(release.order)
            // Only the same digest is certainly the same image.
            if !all.contains(where: { $0.version == target.version && $0.digest == target.digest }) {
                all.append(target)
            }
        }
    }

    /// What `--to` means: the newest image that had the version's tag and is not live; else the live one.
    package func named(_ reference: VersionReference, live: RollbackTarget?) -> RollbackTarget? {
        let matching = all.filter { $0.matches(reference) }
        return matching.first { target in !(live.map { target.isSame(as: $0) } ?? false) } ?? matching.first
    }

    /// `v1`; `latest (sha256:45ec66bb…)` where several images with this tag were live.
    package func name(_ target: RollbackTarget) -> String {
        isAmbiguous(target) ? target.fullName : target.version
    }

    /// What `--to` takes for it: `v1`, or `latest@sha256:…` where several images with this tag were live.
    package func reference(_ target: RollbackTarget) -> String {
        guard isAmbiguous(target), let digest = target.digest else { return target.version }
        return "\(target.version)@\(digest)"
    }

    private func isAmbiguous(_ target: RollbackTarget) -> Bool {
        all.contains { $0.version == target.version && $0.digest != target.digest }
    }
}
