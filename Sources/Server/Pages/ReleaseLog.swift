import Controller
import Foundation
import Hummingbird
import HummingbirdCore
import ReleaseMachine

/// A release's log: numbered lines that can be linked to, filtered by node or phase, a page at a time.
struct ReleaseLog {
    /// The number of lines on a page.
    static let length = 500

    /// The part of the log to show.
    struct View: Sendable {
        var node: String?
        var phase: Phase?
        /// The last line of the part; `nil` follows the end.
        var upTo: Int?
        /// The last line that an open page has: only later lines are sent.
        var since: Int?

        init() {}

        init(_ request: Request) {
            let query = request.uri.queryParameters
            func text(_ name: Substring) -> String? {
                query[name].map(String.init)?.removingPercentEncoding.flatMap { $0.isEmpty ? nil : $0 }
            }
            node = text("node")
            phase = text("phase").flatMap { Phase(rawValue: $0) }
            upTo = text("upto").flatMap { Int($0) }
            since = text("since").flatMap { Int($0) }
        }

        static func escaped(_ text: String) -> String {
            text.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
        }

        /// The URL of another part under the same filter.
        func url(_ path: String, upTo line: Int?) -> String {
            var parts: [String] = []
            if let node { parts.append("node=\(Self.escaped(node))") }
            if let phase { parts.append("phase=\(phase.rawValue)") }
            if let line { parts.append("upto=\(line)") }
            return path + (parts.isEmpty ? "" : "?" + parts.joined(separator: "&")) + "#log"
        }
    }

    /// The lines of a view.
    struct Part: Sendable {
        var lines: [Line] = []
        /// The first and last line of the page; `nil` when it is empty. With `since`, `lines` has only the later ones.
        var shown: ClosedRange<Int>?
        /// The last line of the page before; `nil` on the first page.
        var earlier: Int?
        var hasLater = false
        /// The last line of the page after; `nil` when that page follows the end of the log.
        var later: Int?
    }

    struct Line: Sendable {
        var number: Int
        var event: EventView
        /// The index of the line within the event's text.
        var line: Int
    }

    var release: Release
    var part: Part
    var view: View
    var path: String

    func fill(_ model: inout PageValues) {
        model["lines"] = part.lines.map(line)
        model["hasLines"] = part.shown != nil
        model["follows"] = view.upTo == nil
        model["isFiltered"] = view.node != nil || view.phase != nil || view.upTo != nil
        model["shown"] = part.shown.map { "\($0.lowerBound) to \($0.upperBound)" }
        model["earlier"] = part.earlier.map { view.url(path, upTo: $0) }
        model["later"] = part.hasLater ? view.url(path, upTo: part.later) : nil
        fillFilters(&model)
    }

    private func line(_ line: Line) -> PageValues {
        let clock = Timestamp(iso8601: line.event.at).map { ($0 - release.createdAt).short } ?? ""
        let start = "\(release.order.name) +\(clock) "
        let text = line.event.text[line.line]
        let message = text.hasPrefix(start) ? String(text.dropFirst(start.count)) : text
        return PageValues {
            $0["n"] = line.number
            $0["at"] = "+\(clock)"
            $0["text"] = message
            $0["class"] = Self.style(message, line.event.event)
        }
    }

    private static func style(_ text: String, _ event: Event) -> String? {
        if text.hasPrefix("FAILED") || text.hasPrefix("-- DEPLOY FAILED") { return "bad" }
        if case .nodeFailed = event { return "bad" }
        if text.hasPrefix("-- DEPLOY DONE") { return "good" }
        if text.hasPrefix("---") || text.hasPrefix("-- DEPLOY") { return "step" }
        return nil
    }

    private func fillFilters(_ model: inout PageValues) {
        model["nodeOptions"] = release.nodes.prefix(1000).map { node in
            PageValues {
                $0["name"] = node.address
                $0["isChosen"] = node.address == view.node
            }
        }
        model["phaseOptions"] = release.spans.map(\.phase).map { phase in
            PageValues {
                $0["key"] = phase.rawValue
                $0["label"] = DisplayText.label(phase)
                $0["isChosen"] = phase == view.phase
            }
        }
    }
}
