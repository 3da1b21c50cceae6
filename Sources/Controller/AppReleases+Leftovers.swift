import ReleaseMachine

extension AppObservation {
    /// Which of the newest release's leftovers still exist.
    package func leftovers(of latest: Release?) -> [Leftover] {
        guard let latest, latest.state.hasEnded else { return [] }
        return latest.leftovers.filter { leftover in
            let color = leftover.version.color
            switch leftover.kind {
            case .record: return survey.recorded?.color != color && survey.recordedBy ?? 0 <= latest.order.number
            case .workload:
                guard let workload = survey.workloads[color], survey.recorded?.color != color else { return false }
                return workload.release ?? 0 <= latest.order.number
            }
        }
    }
}

extension AppReleases {
    /// Cleans up what the newest release left behind: records what is live, and deletes the workload that does not serve when every
    /// node was read back on the live colour and the other colour is drained.
    /// - Returns: what was cleaned up; empty when there is nothing to clean up, or it is too early.
    /// - Throws: `LeaseHeld` while a release runs.
    package func clearLeftovers() async throws -> [Leftover] {
        guard let release = try await releaseWithLeftovers() else { return [] }
        return try await withLease { _ in
            // Checked again under the lease: a release may have started and ended before it was acquired.
            guard let newest = try await releaseWithLeftovers(), newest.order.number == release.order.number else {
                return []
            }
            var cleared: [Leftover] = []
            var observed = try await engine.cluster.survey()
            if let leftover = try await recordLeftover(of: release, in: &observed) { cleared.append(leftover) }
            for leftover in release.leftovers where leftover.kind == .workload {
                if try await remove(leftover, of: release, observed) { cleared.append(leftover) }
            }
            return cleared
        }
    }

    private func releaseWithLeftovers() async throws -> Release? {
        // What it left in another cluster is not here.
        try await latest().flatMap {
            $0.state.hasEnded && !$0.leftovers.isEmpty && isHere($0) ? $0 : nil
        }
    }

    /// Records which colour is live where the newest release could not. All of its nodes were verified to route there.
    func recordLiveIfMissing() async throws {
        guard let release = try await releaseWithLeftovers(), release.leftovers.contains(where: { $0.kind == .record })
        else {
            return
        }
        var observed = try await engine.cluster.survey()
        _ = try await recordLeftover(of: release, in: &observed)
    }

    /// Does nothing where the cluster has recorded it already, or a later release has.
    func recordLeftover(
        of release: Release,
        in observed: inout ClusterSurvey,
        isDryRun: Bool = false
    ) async throws -> Leftover? {
        guard let leftover = release.leftovers.first(where: { $0.kind == .record }),
            observed.recorded?.color != leftover.version.color, observed.recordedBy ?? 0 <= release.order.number
        else { return nil }
        if !isDryRun { try await engine.cluster.recordLive(leftover.version, by: release.order) }
        observed.recorded = leftover.version
        return leftover
    }

    private func remove(_ leftover: Leftover, of release: Release, _ observed: ClusterSurvey) async throws -> Bool {
        let color = leftover.version.color
        let number = release.order.number
        guard observed.recorded?.color == color.other, let workload = observed.workloads[color],
            workload.release ?? 0 <= number, let ended = release.endedAt
        else { return false }
        let fence = Fence(release: number, isBack: true)
        let addresses = try await engine.nodes.list()
        let readings = await engine.nodes.read(addresses, claiming: fence)
        guard readings.allSatisfy({ $0.color == color.other }),
            await engine.isDrained(color, on: addresses, since: ended, release.order.rules)
        else { return false }
        try await engine.cluster.remove(color, madeBy: number, orOlder: true)
        return true
    }
}
