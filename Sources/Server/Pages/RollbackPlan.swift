import Controller
import ReleaseMachine

/// The versions that a rollback can go to, and its effects.
struct RollbackPlan {
    /// The versions that were live before, newest first.
    var versions: [String] = []
    /// The version that a rollback goes to by default; `nil` when a version has to be named.
    var target: String?
    private let live: LiveVersion?

    init(history: [Release], live: LiveVersion?) {
        self.live = live
        guard let live else { return }
        let newest = history.first { $0.state == .live }
        target = newest.flatMap { RollbackTarget.version(before: $0, in: history) }
        for version in [target].compactMap({ $0 }) + history.filter(\.hasBeenLive).map(\.order.version)
        where version != live.version && !versions.contains(version) {
            versions.append(version)
        }
    }

    func effects(to version: String) -> [String] {
        guard let live else { return [] }
        return [
            "\(version) starts on \(live.color.other); the nodes switch when all of them have staged it.",
            "\(live.version) on \(live.color) is deleted after the drain.",
        ]
    }
}
