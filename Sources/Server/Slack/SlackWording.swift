import Controller
import Foundation
import Integrations
import ReleaseMachine
import ViridianConfiguration

/// What people in Slack read: the sentences of the command line and the API, with the slash command in place of `viridian`.
struct SlackWording: Sendable {
    /// `/deploy`
    let command: String
    /// The URL by which people reach the server.
    let server: String?

    /// Verbs that are the same in both.
    private static let verbs = ["status", "promote", "abort", "lock", "unlock"]

    /// A sentence of the command line. Commands in it are shown as such; everything else is shown as it is.
    func sentence(_ text: String) -> SlackText {
        var text = text.safe
        for verb in Self.verbs { text = text.replacing("viridian \(verb) ", with: "\(command) \(verb) ") }
        var runs: [SlackText.Run] = []
        var rest = text[...]
        while let open = rest.firstIndex(of: "`"),
            let close = rest[rest.index(after: open)...].firstIndex(of: "`")
        {
            let quoted = rest[rest.index(after: open)..<close]
            let isCommand = quoted.hasPrefix("viridian ") || quoted.hasPrefix("\(command) ")
            let end = isCommand ? open : rest.index(after: open)
            if end > rest.startIndex { runs.append(.plain(String(rest[..<end]))) }
            if isCommand { runs.append(.code(String(quoted))) }
            rest = isCommand ? rest[rest.index(after: close)...] : rest[end...]
        }
        if !rest.isEmpty { runs.append(.plain(String(rest))) }
        return SlackText(runs)
    }

    /// An error, as its sentence with what belongs to it.
    func problem(_ error: any Error) -> SlackText {
        let text = APIError(error).message.safeLine.cut(2000)
        return sentence(text.hasSuffix(".") ? text : text + ".")
    }

    /// `blog/42`, as a link to its page where people can reach one.
    func name(_ release: Release) -> SlackText { name(app: release.order.app, number: release.order.number) }

    func name(app: String, number: Int) -> SlackText {
        let name = "\(app)/\(number)"
        return server.map { .link("\($0)/apps/\(app)/releases/\(number)", name) } ?? .plain(name)
    }

    /// ` (v2)`
    func version(_ release: Release) -> SlackText { .plain(" (") + .code(release.order.version) + .plain(")") }

    // MARK: - What was done

    func promoted(_ release: Release) -> SlackText {
        let before = serving(release)
        guard release.promotedBy != nil else {
            let count = release.approvalCount.map { " (\($0))" } ?? ""
            return .plain("Approved\(count): ") + name(release) + version(release)
                + .plain(" still awaits promotion: \(release.missingApprovals). \(before), as before.")
        }
        let place = release.candidate.map { " to \($0)" } ?? ""
        let nodes = release.nodes.count
        return name(release) + version(release)
            + .plain(
                " is promoted: \(counted(nodes, "node")) \(nodes == 1 ? "switches" : "switch")\(place). \(before) until then."
            )
    }

    func aborted(_ release: Release) -> SlackText {
        let moved = release.hasMovedTraffic
        let back = release.previous.map { "the nodes that switched go back to \($0.version) on \($0.color)." }
        return name(release) + version(release)
            + .plain(
                " is aborted: " + (moved ? back ?? "what it switched goes back." : "\(serving(release)), as before."))
    }

    func rolledBack(_ release: Release) -> SlackText {
        guard !release.isBackingOut else {
            return aborted(release)
                + sentence(" Releases that start by themselves are locked: `\(command) unlock \(release.order.app)`.")
        }
        return name(release) + .plain(" brings back ") + .code(release.order.version)
            + .plain(" without a pause: the nodes switch as soon as its pods are ready.")
    }

    /// `v1 on blue serves`
    private func serving(_ release: Release) -> String {
        release.previous.map { "\($0.version) on \($0.color) serves" } ?? "Nothing serves yet"
    }
}
