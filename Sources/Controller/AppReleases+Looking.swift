import ReleaseMachine

/// What serves now, as cluster and nodes say it themselves.
package struct AppSight: Sendable, Hashable {
    package var at: Timestamp
    package var survey: ClusterSurvey
    package var readings: [NodeReading]

    package init(at: Timestamp, survey: ClusterSurvey, readings: [NodeReading]) {
        self.at = at
        self.survey = survey
        self.readings = readings
    }

    /// Nodes that do not route as the cluster has recorded, cannot be asked, or would not after their next reload. Empty where no
    /// colour is recorded as live.
    package var astray: [NodeReading] {
        guard let live = survey.recorded?.color else { return [] }
        return readings.filter { $0.color != live || $0.message != nil }
    }
}

extension AppReleases {
    /// Looks at the app's objects in the cluster and reads every node of the inventory. Changes nothing.
    package func look() async throws -> AppSight {
        async let seen = engine.cluster.survey()
        let readings = await engine.nodes.read(try await engine.nodes.list(), claiming: nil)
        return AppSight(at: engine.clock.now, survey: try await seen, readings: readings)
    }

    /// What the nodes route to, also while the cluster cannot be asked; the live colour is then unknown.
    package func lookAtNodes() async throws -> (readings: [NodeReading], live: Color?) {
        let cluster = engine.cluster
        async let live = try? await cluster.survey().recorded?.color
        let readings = await engine.nodes.read(try await engine.nodes.list(), claiming: nil)
        return (readings, await live)
    }

    /// Deletes the old colour that the newest release kept for an instant rollback, when its time is over and every node was read
    /// back on the live colour.
    /// - Returns: what was deleted; `nil` when there is nothing to delete, or not yet.
    package func endRetention() async throws -> LiveVersion? {
        guard let kept = try retained() else { return nil }
        return try await withLease { _ in
            // Looked at again: a release may have begun and ended before the lease was ours.
            guard let again = try retained(), again.release.order.number == kept.release.order.number else {
                return nil
            }
            let seen = try await engine.cluster.survey()
            let number = kept.release.order.number
            guard seen.recorded?.color == kept.release.candidate, let old = seen.workloads[kept.old.color],
                old.version == kept.old.version, old.release ?? 0 < number
            else { return nil }
            let fence = Fence(release: number, isBack: true)
            let readings = await engine.nodes.read(try await engine.nodes.list(), claiming: fence)
            guard readings.allSatisfy({ $0.color == kept.release.candidate }) else { return nil }
            try await engine.cluster.remove(kept.old.color, madeBy: number - 1, orOlder: true)
            return kept.old
        }
    }

    private func retained() throws -> (release: Release, old: LiveVersion)? {
        guard
            let newest = try engine.journal.releases(app: name, limit: 20, before: nil).first(where: {
                $0.state == .live
            }),
            let until = newest.retainedUntil, until <= engine.clock.now, let old = newest.previous,
            try latest()?.state.hasEnded == true
        else { return nil }
        return (newest, old)
    }
}
