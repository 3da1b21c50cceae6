import ReleaseMachine

extension AppSight {
    /// What is still there of what the newest release left.
    package func left(by latest: Release?) -> [Leftover] {
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
    /// Clears away what the newest release ran out of time for: writes down what is live, and deletes the workload that does not serve
    /// when every node was read back on the live colour and nothing holds the other any more.
    /// - Returns: what was cleared away; empty when there is nothing, or not yet.
    package func clearLeftovers() async throws -> [Leftover] {
        guard let release = try releaseWithLeftovers() else { return [] }
        return try await withLease { _ in
            // Looked at again: a release may have begun and ended before the lease was ours.
            guard let again = try releaseWithLeftovers(), again.order.number == release.order.number else { return [] }
            var cleared: [Leftover] = []
            var seen = try await engine.cluster.survey()
            if let leftover = try await recordLeftover(of: release, in: &seen) { cleared.append(leftover) }
            for leftover in release.leftovers where leftover.kind == .workload {
                if try await remove(leftover, of: release, seen) { cleared.append(leftover) }
            }
            return cleared
        }
    }

    private func releaseWithLeftovers() throws -> Release? {
        try latest().flatMap { $0.state.hasEnded && !$0.leftovers.isEmpty ? $0 : nil }
    }

    /// Writes down which colour is live where the newest release could not. All of its nodes had been proved to route there.
    func settleRecord() async throws {
        guard let release = try releaseWithLeftovers(), release.leftovers.contains(where: { $0.kind == .record }) else {
            return
        }
        var seen = try await engine.cluster.survey()
        _ = try await recordLeftover(of: release, in: &seen)
    }

    /// Does nothing where the cluster has written it down already, or a later release did.
    func recordLeftover(
        of release: Release,
        in seen: inout ClusterSurvey,
        isDryRun: Bool = false
    ) async throws -> Leftover? {
        guard let leftover = release.leftovers.first(where: { $0.kind == .record }),
            seen.recorded?.color != leftover.version.color, seen.recordedBy ?? 0 <= release.order.number
        else { return nil }
        if !isDryRun { try await engine.cluster.recordLive(leftover.version, by: release.order) }
        seen.recorded = leftover.version
        return leftover
    }

    private func remove(_ leftover: Leftover, of release: Release, _ seen: ClusterSurvey) async throws -> Bool {
        let color = leftover.version.color
        let number = release.order.number
        guard seen.recorded?.color == color.other, let workload = seen.workloads[color],
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
