import Controller
import Journal
import ReleaseMachine

/// The four DORA measures (https://dora.dev), and the time that each phase takes.
package struct StatisticsView: Codable, Sendable, Hashable {
    package struct PhaseTime: Codable, Sendable, Hashable {
        package var phase: Phase
        /// The median, in seconds.
        package var seconds: Double
    }

    package struct Measures: Codable, Sendable, Hashable {
        /// Releases of a new version that went live, in total and per day.
        package var deployments: Int
        package var perDay: Double
        /// The median time from the commit to the switch; `nil` when no request had the commit's time.
        package var leadTimeSeconds: Double?
        /// Releases of a new version that moved traffic, and those of them that were rolled back.
        package var changes: Int
        package var failedChanges: Int
        package var changeFailureRate: Double?
        /// The median time from the switch to a bad version to the switch away from it.
        package var timeToRestoreSeconds: Double?
        /// How many releases ended in each state.
        package var outcomes: [String: Int]
        /// The usual time of each phase in releases that went live.
        package var phases: [PhaseTime]
        /// The phase with the longest usual time, without the pause for verification and the drain.
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
    /// The most releases of an app that statistics count: three a day in the longest span, a year.
    static let longestHistory = 1000

    /// The measures of these apps, `days` back from now.
    package func statistics(of apps: [String], days: Int) async throws -> StatisticsView {
        let since = Timestamp(milliseconds: clock.now.milliseconds - Int64(days) * 86_400_000)
        var all: [ReleaseSummary] = []
        var rows: [StatisticsView.App] = []
        for app in apps {
            let summaries = try await appStates.summaries(app, limit: Self.longestHistory, since: since)
            rows.append(.init(app: app, measures: StatisticsView.Measures(summaries, since: since, days: days)))
            all += summaries
        }
        return StatisticsView(days: days, overall: .init(all, since: since, days: days), apps: rows)
    }

    /// The usual time of each phase: the median of the app's newest releases that went live.
    package func usualTimes(of app: String) async throws -> [Phase: Duration] {
        let summaries = try await appStates.summaries(app, limit: 50).filter(\.hasBeenLive).prefix(20)
        return StatisticsView.Measures.times(Array(summaries)).mapValues { .milliseconds(Int64($0 * 1000)) }
    }
}

extension StatisticsView.Measures {
    init(_ history: [ReleaseSummary], since: Timestamp, days: Int) {
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
        let fixes = Self.fixes(of: failed, history)
        timeToRestoreSeconds = median(
            failed.compactMap { bad in
                let fix = bad.replacedBy.flatMap { fixes[ReleaseKey(app: bad.app, number: $0)] }
                guard let from = bad.switchedAt ?? bad.endedAt, let to = fix ?? bad.endedAt, to >= from else {
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

    private struct ReleaseKey: Hashable {
        var app: String
        var number: Int
    }

    /// When the releases that replaced the failed ones moved the traffic.
    private static func fixes(of failed: [ReleaseSummary], _ history: [ReleaseSummary]) -> [ReleaseKey: Timestamp] {
        let replacements = Set(
            failed.compactMap { bad in bad.replacedBy.map { ReleaseKey(app: bad.app, number: $0) } })
        guard !replacements.isEmpty else { return [:] }
        var fixes: [ReleaseKey: Timestamp] = [:]
        for summary in history {
            let key = ReleaseKey(app: summary.app, number: summary.number)
            if replacements.contains(key) { fixes[key] = summary.switchedAt }
        }
        return fixes
    }

    /// The median of each phase, in seconds.
    static func times(_ summaries: [ReleaseSummary]) -> [Phase: Double] {
        var lengths: [Phase: [Double]] = [:]
        for span in summaries.flatMap(\.phases) {
            guard let end = span.endedAt else { continue }
            lengths[span.phase, default: []].append((end - span.startedAt).inSeconds)
        }
        return lengths.compactMapValues(median)
    }
}

extension ReleaseSummary {
    /// When its last node was switched.
    fileprivate var switchedAt: Timestamp? { phases.last { $0.phase == .switching }?.endedAt }
}

private func median(_ values: [Double]) -> Double? {
    guard !values.isEmpty else { return nil }
    let sorted = values.sorted()
    let middle = sorted.count / 2
    return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}
