import ReleaseMachine

/// The live state read from the cluster and the nodes.
package struct AppObservation: Sendable, Hashable {
    package var at: Timestamp
    package var survey: ClusterSurvey
    package var readings: [NodeReading]

    package init(at: Timestamp, survey: ClusterSurvey, readings: [NodeReading]) {
        self.at = at
        self.survey = survey
        self.readings = readings
    }

    /// Nodes that do not route to the recorded live colour, did not answer, or would not route to it after their next reload. Empty
    /// when no colour is recorded as live.
    package var drifted: [NodeReading] {
        guard let live = survey.recorded?.color else { return [] }
        return readings.filter { $0.color != live || $0.message != nil }
    }
}

extension AppReleases {
    /// Reads the app's objects in the cluster and every node of the inventory. Changes nothing.
    package func observe() async throws -> AppObservation {
        async let observed = engine.cluster.survey()
        let readings = await engine.nodes.read(try await engine.nodes.list(), claiming: nil)
        return AppObservation(at: engine.clock.now, survey: try await observed, readings: readings)
    }

    /// What the nodes route to, also when the cluster does not answer; the live colour is then `nil`. Changes nothing.
    package func readNodes() async throws -> (readings: [NodeReading], live: Color?) {
        let cluster = engine.cluster
        async let live = try? await cluster.survey().recorded?.color
        let readings = await engine.nodes.read(try await engine.nodes.list(), claiming: nil)
        return (readings, await live)
    }

    /// Deletes the old colour that the newest release kept for an instant rollback, when that time is over and every node was read
    /// back on the live colour.
    /// - Returns: what was deleted; `nil` when there is nothing to delete, or it is too early.
    /// - Throws: `LeaseHeld` while a release runs.
    package func endRetention() async throws -> LiveVersion? {
        guard let kept = try await retained() else { return nil }
        return try await withLease { _ in
            // Checked again under the lease: a release may have started and ended before it was acquired.
            guard let current = try await retained(), current.release.order.number == kept.release.order.number else {
                return nil
            }
            let observed = try await engine.cluster.survey()
            let number = kept.release.order.number
            guard observed.recorded?.color == kept.release.candidate, let old = observed.workloads[kept.old.color],
                old.version == kept.old.version, old.release ?? 0 < number
            else { return nil }
            let fence = Fence(release: number, isBack: true)
            let readings = await engine.nodes.read(try await engine.nodes.list(), claiming: fence)
            guard readings.allSatisfy({ $0.color == kept.release.candidate }) else { return nil }
            try await engine.cluster.remove(kept.old.color, madeBy: number - 1, orOlder: true)
            return kept.old
        }
    }

    private func retained() async throws -> (release: Release, old: LiveVersion)? {
        guard
            let newest = try await engine.journal.releases(app: name, limit: 20, before: nil).first(where: {
                $0.state == .live
            }),
            let until = newest.retainedUntil, until <= engine.clock.now, let old = newest.previous,
            try await latest()?.state.hasEnded == true
        else { return nil }
        return (newest, old)
    }
}
