import ReleaseMachine
import ViridianConfiguration

extension AppReleases {
    /// Why the app's release that has not ended cannot go on: it began in another cluster than the one that the app is configured for now.
    /// `nil` where there is none, or it is in this one.
    package func releaseElsewhere() async throws -> Refusal? {
        guard let latest = try await latest() else { return nil }
        return refusal(toContinue: latest)
    }

    /// - Throws: `Refusal` where the newest release has not ended in another cluster.
    func checkCluster() async throws {
        if let refusal = try await releaseElsewhere() { throw refusal }
    }

    /// A release goes on only where it began: its pods and its nodes are there.
    func checkCluster(of release: Release) throws(Refusal) {
        if let refusal = refusal(toContinue: release) { throw refusal }
    }

    /// Whether a release ran in the cluster that the app is configured for, as far as it is known: older journals do not have it.
    func isHere(_ release: Release) -> Bool { release.order.cluster.map { $0 == app.cluster } ?? true }

    private func refusal(toContinue release: Release) -> Refusal? {
        guard !release.state.hasEnded, !isHere(release), let began = release.order.cluster else { return nil }
        let order = release.order
        let now = app.cluster.map { "is configured for cluster \($0)" } ?? "names no cluster"
        return Refusal(
            "\(order.name) (\(order.version)) has not ended in cluster \(began), where its pods and its nodes are, and \(name) \(now) "
                + "now: the release can go on only in \(began)",
            details: [
                "to fix: set `cluster: \(began)` in the app's file again, promote or abort the release, and move the app when it "
                    + "has ended"
            ])
    }
}
