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

    /// Where a line is: its event, and which of the event's lines it is.
    private struct Place {
        var number: Int
        var event: Int
        var line: Int
    }

    var release: Release
    var events: [EventView]
    var view: View
    var path: String

    func fill(_ model: inout Model) {
        let places = matching()
        let end = view.upTo.map { last in places.firstIndex { $0.number > last } ?? places.count } ?? places.count
        let start = max(0, end - ReleaseLog.length)
        var shown = places[start..<end]
        if let since = view.since, view.upTo == nil { shown = shown.drop { $0.number <= since } }
        model["lines"] = shown.map(line)
        model["hasLines"] = end > start
        model["follows"] = view.upTo == nil
        model["isFiltered"] = view.node != nil || view.phase != nil || view.upTo != nil
        model["shown"] = end > start ? "\(places[start].number) to \(places[end - 1].number)" : nil
        model["earlier"] = start > 0 ? view.address(path, upTo: places[start - 1].number) : nil
        model["later"] =
            end < places.count ? view.address(path, upTo: later(places, from: end)) : nil
        fillFilters(&model)
    }

    private func later(_ places: [Place], from end: Int) -> Int? {
        let next = end + ReleaseLog.length
        return next < places.count ? places[next - 1].number : nil
    }

    private func matching() -> [Place] {
        var places: [Place] = []
        var number = 0
        for (index, event) in events.enumerated() {
            let isShown =
                (view.phase.map { $0 == event.phase } ?? true) && (view.node.map { event.isAbout($0) } ?? true)
            for line in event.text.indices {
                number += 1
                if isShown { places.append(Place(number: number, event: index, line: line)) }
            }
        }
        return places
    }

    private func line(_ place: Place) -> Model {
        let event = events[place.event]
        let clock = Timestamp(iso8601: event.at).map { ($0 - release.createdAt).short } ?? ""
        let start = "\(release.order.name) +\(clock) "
        let text = event.text[place.line]
        let words = text.hasPrefix(start) ? String(text.dropFirst(start.count)) : text
        return Model {
            $0["n"] = place.number
            $0["at"] = "+\(clock)"
            $0["text"] = words
            $0["class"] = Self.style(words, event.event)
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

extension EventView {
    /// Whether it tells something of that node.
    func isAbout(_ node: String) -> Bool {
        switch event {
        case .nodePrepared(let one), .nodeStaged(let one), .nodeSwitched(let one), .nodeReverted(let one): one == node
        case .nodeFailed(_, let trouble): trouble.node == node
        case .said(let line): line.source == node
        case .troubled(let effect, _), .refused(let effect, _, _): effect.node == node
        case .discovered(let survey): survey.unreachable.contains { $0.node == node }
        case .drained(let evidence): evidence.open.contains { $0.node == node }
        default: false
        }
    }
}
