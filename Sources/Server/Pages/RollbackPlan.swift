import Controller
import ReleaseMachine
import ViridianConfiguration

/// The versions that a rollback can go to, and its effects.
struct RollbackPlan {
    /// A version as it is shown, and as the form sends it.
    struct Choice: Hashable {
        var name: String
        /// What `to` of a rollback takes.
        var reference: String
    }

    /// The versions that were live before, newest first; the one that a rollback goes to by default comes first.
    var versions: [Choice] = []
    /// The version that a rollback goes to by default; `nil` when a version has to be named.
    var target: Choice?
    private let live: LiveVersion?
    private var liveName = ""

    init(history: [Release], live: LiveVersion?) {
        self.live = live
        guard let live else { return }
        let newest = history.first { $0.state == .live }
        let former = FormerlyLive(history)
        let before = newest.flatMap { RollbackTarget.before($0, in: history) }
        let now =
            newest.map { RollbackTarget($0.order) }.flatMap { $0.version == live.version ? $0 : nil }
            ?? RollbackTarget(version: live.version)
        liveName = former.name(now)
        let choices = ([before].compactMap(\.self) + former.all).filter { !$0.isSame(as: now) }.map {
            Choice(name: former.name($0), reference: former.reference($0))
        }
        for choice in choices where !versions.contains(choice) { versions.append(choice) }
        target = before.map { Choice(name: former.name($0), reference: former.reference($0)) }
    }

    func effects(to version: Choice) -> [String] {
        guard let live else { return [] }
        return [
            "\(version.name) starts on \(live.color.other); the nodes switch when all of them have staged it.",
            "\(liveName) on \(live.color) is deleted after the drain.",
        ]
    }
}
