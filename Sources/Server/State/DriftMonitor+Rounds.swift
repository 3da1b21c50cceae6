import Controller
import Logging
import ReleaseMachine

/// Rounds in which each node is read once, for all apps of its cluster.
extension DriftMonitor {
    /// Checks the apps of these clusters, spread over `length`.
    func checkTogether(_ clusters: [any SharedReadings], within length: Duration) async {
        var conversations = 0
        await withTaskGroup(of: Int.self) { group in
            for readings in clusters { group.addTask { await self.check(readings, within: length) } }
            for await count in group { conversations += count }
        }
        guard !Task.isCancelled else { return }
        metrics.set("viridian_check_round_conversations", Double(conversations))
    }

    /// - Returns: the number of conversations.
    private func check(_ readings: any SharedReadings, within length: Duration) async -> Int {
        let (apps, began) = (readings.apps, clock.now)
        let outcome = await DriftRound(readings: readings, clock: clock).run(apps, within: length) { column, start in
            await self.act(on: column, of: apps, since: start)
        }
        await withTaskGroup(of: Void.self) { group in
            for (index, (app, result)) in outcome.observations.enumerated() {
                if index >= DriftMonitor.maximumConcurrentChecks { await group.next() }
                guard !Task.isCancelled else { return }
                guard case .success(let observation) = result else { continue }
                group.addTask { await self.conclude(observation, of: app, since: began) }
            }
        }
        await report(outcome)
        return outcome.conversations
    }

    /// Acts at once on what a node routes otherwise than it did when the app was checked last: the other nodes may be read much later.
    private func act(on column: [NodeReading], of apps: [String], since start: Timestamp) async {
        for (app, observation) in await appStates.observations(of: apps, with: column, since: start) {
            try? await act(on: observation, of: app, repairing: true)
        }
    }

    /// Acts on what a round that began then has read of an app.
    private func conclude(_ observation: AppObservation, of app: String, since began: Timestamp) async {
        let latest = await appStates.latest(app)
        let known = await appStates.observation(app)
        if let ended = latest?.endedAt, ended >= began, known.map({ $0.at < ended }) ?? true {
            // The release moved the nodes while the round read one after the other.
            await check(app, repairing: true)
        } else if let known, known.at > began {
            // It was read by itself meanwhile, all of it at once.
            try? await act(on: known, of: app, repairing: true)
        } else {
            try? await act(on: observation, of: app, repairing: true)
        }
    }

    /// Records what could not be read, with one line in the log for each reason.
    private func report(_ outcome: DriftRound.Outcome) async {
        var apps: [String: [String]] = [:]
        for (app, result) in outcome.observations {
            guard case .failure(let error) = result, !(error is CancellationError), !Task.isCancelled else { continue }
            metrics.count("viridian_check_failures_total", ["app": app])
            await appStates.record(problem: "\(error)", for: app, readings: outcome.readings[app] ?? [])
            apps["\(error)", default: []].append(app)
        }
        for (problem, apps) in apps.sorted(by: { $0.value[0] < $1.value[0] }) {
            let others = apps.count > 3 ? " and \(apps.count - 3) more" : ""
            logger.warning(
                "the cluster or the nodes cannot be checked",
                metadata: ["apps": "\(apps.prefix(3).joined(separator: " "))\(others)", "error": "\(problem.safe)"])
        }
    }
}
