import Controller
import Foundation
import Hummingbird
import HummingbirdCore
import ReleaseMachine

/// A release's log: numbered lines that can be linked to, filtered by node or phase, a page at a time.
struct ReleaseLog {
    /// How many lines a page has.
    static let length = 500

    /// Which part of the log is looked at.
    struct View: Sendable {
        var node: String?
        var phase: Phase?
        /// The last line of the part; `nil` follows the end.
        var upTo: Int?
        /// The last line that an open page has: only newer ones are sent.
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

        /// The address that shows another part under the same filter.
        func address(_ path: String, upTo line: Int?) -> String {
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
        /// From which line to which the page goes; `nil` where it has none. Of an open page's lines only the newest are among `lines`.
        var shown: ClosedRange<Int>?
        /// The last line of the page before; `nil` where this one begins with the first line.
        var earlier: Int?
        var hasLater = false
        /// The last line of the page after; `nil` where that follows the end.
        var later: Int?
    }

    struct Line: Sendable {
        var number: Int
        var event: EventView
        /// Which of the event's lines it is.
        var line: Int
    }

    var release: Release
    var part: Part
    var view: View
    var path: String

    func fill(_ model: inout Model) {
        model["lines"] = part.lines.map(line)
        model["hasLines"] = part.shown != nil
        model["follows"] = view.upTo == nil
        model["isFiltered"] = view.node != nil || view.phase != nil || view.upTo != nil
        model["shown"] = part.shown.map { "\($0.lowerBound) to \($0.upperBound)" }
        model["earlier"] = part.earlier.map { view.address(path, upTo: $0) }
        model["later"] = part.hasLater ? view.address(path, upTo: part.later) : nil
        fillFilters(&model)
    }

    private func line(_ line: Line) -> Model {
        let clock = Timestamp(iso8601: line.event.at).map { ($0 - release.createdAt).short } ?? ""
        let start = "\(release.order.name) +\(clock) "
        let text = line.event.text[line.line]
        let words = text.hasPrefix(start) ? String(text.dropFirst(start.count)) : text
        return Model {
            $0["n"] = line.number
            $0["at"] = "+\(clock)"
            $0["text"] = words
            $0["class"] = Self.style(words, line.event.event)
        }
    }

    private static func style(_ text: String, _ event: Event) -> String? {
        if text.hasPrefix("FAILED") || text.hasPrefix("-- DEPLOY FAILED") { return "bad" }
        if case .nodeFailed = event { return "bad" }
        if text.hasPrefix("-- DEPLOY DONE") { return "good" }
        if text.hasPrefix("---") || text.hasPrefix("-- DEPLOY") { return "step" }
        return nil
    }

    private func fillFilters(_ model: inout Model) {
        model["nodeOptions"] = release.nodes.prefix(1000).map { node in
            Model {
                $0["name"] = node.address
                $0["isChosen"] = node.address == view.node
            }
        }
        model["phaseOptions"] = release.spans.map(\.phase).map { phase in
            Model {
                $0["key"] = phase.rawValue
                $0["label"] = Words.label(phase)
                $0["isChosen"] = phase == view.phase
            }
        }
    }
}
