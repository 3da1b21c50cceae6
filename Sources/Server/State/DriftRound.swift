import Controller
import ReleaseMachine

/// A round of drift watching: each node is read once, for all apps, and the nodes one after the other, spread over the round.
struct DriftRound: Sendable {
    /// What was read of the apps.
    struct Outcome: Sendable {
        /// In the order of the apps. They are from `began` or later, and count as from then.
        var observations: [(app: String, result: Result<AppObservation, any Error>)]
        /// With nodes.
        var conversations: Int
        /// What the nodes reported for the apps whose cluster could not be read.
        var readings: [String: [NodeReading]] = [:]
    }

    let readings: any SharedReadings
    let clock: any ReleaseClock

    /// The number of nodes that are read at the same time, and of apps where the cluster is asked for each.
    static let maximumConcurrentReadings = 16

    /// Reads everything, within `length` unless the nodes take longer. `receive` gets a node's readings of all apps, in the order of
    /// `apps`, as soon as they are there, with the time from which they are.
    func run(
        _ apps: [String],
        within length: Duration,
        receive: @escaping @Sendable (_ readings: [NodeReading], _ began: Timestamp) async -> Void
    ) async -> Outcome {
        let began = clock.now
        let nodes: [String]
        do {
            nodes = try await readings.list()
        } catch {
            return Outcome(observations: apps.map { ($0, .failure(error)) }, conversations: 0)
        }
        let columns = await columns(of: nodes, apps, within: length, began, receive)
        let surveys = await surveys(of: apps)
        var observations: [(app: String, result: Result<AppObservation, any Error>)] = []
        observations.reserveCapacity(apps.count)
        var unsurveyed: [String: [NodeReading]] = [:]
        for (index, app) in apps.enumerated() {
            guard let survey = surveys[index] else { continue }
            let row = columns.compactMap { $0.indices.contains(index) ? $0[index] : nil }
            if case .failure = survey { unsurveyed[app] = row }
            observations.append((app, survey.map { AppObservation(at: began, survey: $0, readings: row) }))
        }
        return Outcome(observations: observations, conversations: nodes.count, readings: unsurveyed)
    }

    /// `nil` for those that were not read because the task was cancelled.
    private func surveys(of apps: [String]) async -> [Result<ClusterSurvey, any Error>?] {
        await withTaskGroup(of: (Int, Result<ClusterSurvey, any Error>).self) { group in
            var surveys: [Result<ClusterSurvey, any Error>?] = Array(repeating: nil, count: apps.count)
            for (index, app) in apps.enumerated() {
                guard !Task.isCancelled else { break }
                if index >= Self.maximumConcurrentReadings, let (done, survey) = await group.next() {
                    surveys[done] = survey
                }
                group.addTask { (index, await survey(app)) }
            }
            for await (done, survey) in group { surveys[done] = survey }
            return surveys
        }
    }

    /// On its own: with this `do` inside the child task's closure Swift 6.3.1 makes a release build return garbage, or crash.
    private func survey(_ app: String) async -> Result<ClusterSurvey, any Error> {
        do { return .success(try await readings.survey(app)) } catch { return .failure(error) }
    }

    private func columns(
        of nodes: [String], _ apps: [String], within length: Duration, _ began: Timestamp,
        _ receive: @escaping @Sendable ([NodeReading], Timestamp) async -> Void
    ) async -> [[NodeReading]] {
        await withTaskGroup(of: (Int, [NodeReading]).self) { group in
            var columns: [[NodeReading]] = Array(repeating: [], count: nodes.count)
            for (index, node) in nodes.enumerated() {
                if index >= Self.maximumConcurrentReadings, let (done, column) = await group.next() {
                    columns[done] = column
                }
                let due = length * Double(index) / Double(nodes.count) - (clock.now - began)
                if due > .zero { try? await clock.sleep(for: due) }
                guard !Task.isCancelled else { break }
                group.addTask {
                    let start = clock.now
                    let column = await readings.read(node, apps)
                    if !Task.isCancelled { await receive(column, start) }
                    return (index, column)
                }
            }
            for await (done, column) in group { columns[done] = column }
            return columns
        }
    }
}
