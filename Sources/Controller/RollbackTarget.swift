import ReleaseMachine

/// The version that a rollback without `--to` brings back: what was live before the live one.
///
/// Follows the `previous` version of each release; consecutive releases of one version count as one step. A rollback counts as the
/// release whose version it brought back: rolling back again goes further back, never forward to the version that was just replaced.
package enum RollbackTarget {
    /// `history` is the app's releases, newest first.
    ///
    /// - Returns: `nil` when no version is known to have been live before.
    package static func version(before live: Release, in history: [Release]) -> String? {
        let left = versionsLeft(by: live, in: history)
        var place: Release? = live
        while let release = place {
            let older = history.filter { $0.order.number < release.order.number && $0.hasBeenLive }
            if case .rollback = release.order.kind {
                place = older.first { $0.order.version == release.order.version }
                continue
            }
            guard let before = release.previous?.version else { return nil }
            if before != live.order.version, !left.contains(before) { return before }
            place = older.first { $0.order.version == before }
        }
        return nil
    }

    /// The versions that the live release and the rollbacks right before it replaced.
    private static func versionsLeft(by live: Release, in history: [Release]) -> Set<String> {
        var versions: Set<String> = []
        var release = live
        while case .rollback(let from?) = release.order.kind, from < release.order.number,
            let source = history.first(where: { $0.order.number == from })
        {
            versions.insert(source.order.version)
            release = source
        }
        return versions
    }
}
