import ReleaseMachine

/// The live state read from the cluster and the nodes.
package struct AppObservation: Sendable, Hashable {
    package var at: Timestamp
    package var survey: ClusterSurvey
    package var readings: [NodeReading]
    /// Set when the journal has gone back, by what the app's lease says.
    package var lost: JournalWentBack?

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
        let seen = try await observeParts()
        return await comparing(AppObservation(at: seen.at, survey: try seen.survey.get(), readings: seen.readings))
    }

    /// The same, with what the journal has lost: compared after the lease was read, it never seems to be behind. One that cannot be read says
    /// so elsewhere.
    package func comparing(_ observation: AppObservation) async -> AppObservation {
        var observation = observation
        observation.lost = (try? await lostEnd(observation.survey.journal)) ?? nil
        return observation
    }

    /// What `observe` reads, with the error of the cluster beside what the nodes reported. Changes nothing.
    package func observeParts() async throws -> (
        at: Timestamp, survey: Result<ClusterSurvey, any Error>, readings: [NodeReading]
    ) {
        async let observed = engine.cluster.survey()
        let readings = await engine.nodes.read(try await engine.nodes.list(), claiming: nil)
        let at = engine.clock.now
        let survey: Result<ClusterSurvey, any Error>
        do { survey = .success(try await observed) } catch { survey = .failure(error) }
        return (at, survey, readings)
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
