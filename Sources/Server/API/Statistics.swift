import Controller
import Journal
import ReleaseMachine

/// What teams are asked for: the four DORA measures (https://dora.dev), and where the time goes.
package struct StatisticsView: Codable, Sendable, Hashable {
    package struct PhaseTime: Codable, Sendable, Hashable {
        package var phase: Phase
        /// The median, in seconds.
        package var seconds: Double
    }

    package struct Measures: Codable, Sendable, Hashable {
        /// Releases of a new version that went live, and how many a day.
        package var deployments: Int
        package var perDay: Double
        /// The median from the commit to the switch; left out where no caller gave the commit's time.
        package var leadTimeSeconds: Double?
        /// Releases of a new version that moved traffic, and of these the ones that were rolled back.
        package var changes: Int
        package var failedChanges: Int
        package var changeFailureRate: Double?
        /// The median from the switch to a bad version to the switch away from it.
        package var timeToRestoreSeconds: Double?
        /// How releases ended.
        package var outcomes: [String: Int]
        /// The usual time of each phase, of releases that went live.
        package var phases: [PhaseTime]
        /// The phase with the longest usual time; a person's pause and the drain are not counted.
        package var slowestPhase: PhaseTime?
    }

    package struct App: Codable, Sendable, Hashable {
        package var app: String
        package var measures: Measures
    }

    package var days: Int
    package var overall: Measures
    package var apps: [App]
}

extension Services {
    /// Of these apps, `days` back from now.
    package func statistics(of apps: [String], days: Int) async throws -> StatisticsView {
        let since = Timestamp(milliseconds: clock.now.milliseconds - Int64(days) * 86_400_000)
        var all: [ReleaseDigest] = []
        var rows: [StatisticsView.App] = []
        for app in apps {
            // A thousand in the longest time that can be asked for is three a day.
            let digests = try await board.digests(app, limit: 1000)
            rows.append(.init(app: app, measures: StatisticsView.Measures(digests, since: since, days: days)))
            all += digests
        }
        return StatisticsView(days: days, overall: .init(all, since: since, days: days), apps: rows)
    }

    /// The usual time of each phase of an app's releases: the median of the newest ones that went live.
    package func usualTimes(of app: String) async throws -> [Phase: Duration] {
        let digests = try await board.digests(app, limit: 50).filter(\.hasBeenLive).prefix(20)
        return StatisticsView.Measures.times(Array(digests)).mapValues { .milliseconds(Int64($0 * 1000)) }
    }
}

extension StatisticsView.Measures {
    init(_ history: [ReleaseDigest], since: Timestamp, days: Int) {
        let ended = history.filter { $0.state.hasEnded && $0.createdAt >= since }
        let deploys = ended.filter { !$0.isRollback }
        let live = deploys.filter(\.hasBeenLive)
        deployments = live.count
        perDay = Double(live.count) / Double(days)
        leadTimeSeconds = median(
            live.compactMap { digest in
                guard let commit = digest.commitTime, let switched = digest.switchedAt, switched >= commit else {
                    return nil
                }
                return (switched - commit).inSeconds
            }
        )
        let moved = deploys.filter { $0.hasBeenLive || $0.state == .rolledBack }
        let failed = moved.filter { $0.state == .rolledBack }
        changes = moved.count
        failedChanges = failed.count
        changeFailureRate = moved.isEmpty ? nil : Double(failed.count) / Double(moved.count)
        timeToRestoreSeconds = median(
            failed.compactMap { bad in
                let mend = bad.replacedBy.flatMap { number in
                    history.first { $0.app == bad.app && $0.number == number }?.switchedAt
                }
                guard let from = bad.switchedAt ?? bad.endedAt, let to = mend ?? bad.endedAt, to >= from else {
                    return nil
                }
                return (to - from).inSeconds
            }
        )
        outcomes = ended.reduce(into: [:]) { $0[$1.state.rawValue, default: 0] += 1 }
        let times = Self.times(ended.filter(\.hasBeenLive))
        phases = Phase.allCases.compactMap { phase in times[phase].map { .init(phase: phase, seconds: $0) } }
        slowestPhase = phases.filter { $0.phase != .verifying && $0.phase != .draining }
            .max { $0.seconds < $1.seconds }
    }

    /// The median of each phase, in seconds.
    static func times(_ digests: [ReleaseDigest]) -> [Phase: Double] {
        var lengths: [Phase: [Double]] = [:]
        for span in digests.flatMap(\.phases) {
            guard let end = span.endedAt else { continue }
            lengths[span.phase, default: []].append((end - span.startedAt).inSeconds)
        }
        return lengths.compactMapValues(median)
    }
}

extension ReleaseDigest {
    /// When its last node was switched.
    fileprivate var switchedAt: Timestamp? { phases.last { $0.phase == .switching }?.endedAt }
}

private func median(_ values: [Double]) -> Double? {
    guard !values.isEmpty else { return nil }
    let sorted = values.sorted()
    let middle = sorted.count / 2
    return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}
