import Controller
import ReleaseMachine
import ViridianConfiguration

/// Which clusters answer: those that drift watching has read recently, and of the others those that answer now.
struct ClusterAnswers: Sendable {
    private struct Answer: Sendable {
        /// `nil` is the cluster without a name.
        var cluster: String?
        var isThere: Bool
    }

    private let answers: [Answer]

    /// How long one is waited for while another one answers: it must not keep the server from being ready.
    private static let patience = Duration.seconds(1)

    init(_ services: Services) async {
        let apps = services.apps
        let clusters = apps.clusters
        // Older than this, what was read says nothing about now.
        let limit = services.clock.now + services.settings.checkInterval * -3
        var recent: Set<Int> = []
        for (index, cluster) in clusters.enumerated() {
            let isRecent =
                clusters == [nil]
                ? await services.driftMonitor.reachedAt.map { $0 >= limit } ?? false
                : await services.appStates.hasRead(cluster, after: limit)
            if isRecent { recent.insert(index) }
        }
        let patience = recent.isEmpty ? nil : Self.patience
        let asked = clusters.indices.filter { !recent.contains($0) }
        let there = await withTaskGroup(of: Int?.self) { group in
            for index in asked {
                group.addTask {
                    let isThere = (try? await apps.checkCluster(clusters[index], within: patience)) != nil
                    return isThere ? index : nil
                }
            }
            return await group.reduce(into: recent) { if let index = $1 { $0.insert(index) } }
        }
        answers = clusters.enumerated().map { Answer(cluster: $1, isThere: there.contains($0)) }
    }

    var isAnyThere: Bool { answers.contains(where: \.isThere) }

    /// `ok`, or who does not answer.
    var sentence: String {
        let missing = answers.filter { !$0.isThere }
        guard !missing.isEmpty else { return Self.ok }
        guard byName != nil else { return Self.silent }
        let names = missing.map(Self.label).joined(separator: ", ")
        return missing.count == 1 ? "\(names) does not answer" : "\(names) do not answer"
    }

    /// What each is, by name; `nil` where none has one.
    var byName: [String: String]? {
        guard answers.contains(where: { $0.cluster != nil }) else { return nil }
        return answers.reduce(into: [:]) { $0[Self.label($1)] = $1.isThere ? Self.ok : Self.silent }
    }

    private static let ok = "ok"
    private static let silent = "does not answer"

    private static func label(_ answer: Answer) -> String { answer.cluster ?? ClusterConfiguration.unnamed }
}
