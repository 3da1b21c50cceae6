import Controller
import Foundation
import ReleaseMachine

/// The list of all apps that a user sees, as far as it takes to find those that a page shows: there may be thousands.
struct AppIndex: Sendable {
    struct Item: Sendable, Hashable {
        var name: String
        /// The cluster that it runs in, where that has a name.
        var cluster: String?
        /// Of its newest release.
        var state: Release.State?
        /// Nodes drifted, it cannot be read, or its newest release left nodes that need repair.
        var isTroubled: Bool

        /// The order of the list: awaiting promotion, running, with a problem, everything else.
        fileprivate var urgency: Int {
            switch state {
            case .paused: 0
            case .running: 1
            default: isTroubled ? 2 : 3
            }
        }
    }

    /// How many apps a page shows.
    static let length = 500

    /// The number of all apps, and of those that are releasing.
    let count: Int
    let running: Int
    let awaiting: [Item]
    /// What is searched for, in lower case; empty for all.
    let search: String
    /// The apps that were found, and which of them are shown, the most urgent first.
    let found: Int
    let shown: ArraySlice<Item>

    /// `start` is the number of apps before those that are shown.
    init(_ items: [Item], query: String? = nil, from start: Int = 0) {
        let search = (query ?? "").trimmingCharacters(in: .whitespaces).lowercased()
        self.search = search
        count = items.count
        running = items.count { $0.state == .running }
        awaiting = items.filter { $0.state == .paused }
        let found = items.filter { item in
            search.isEmpty || item.name.contains(search) || item.cluster?.contains(search) == true
        }
        self.found = found.count
        let sorted = found.enumerated().sorted { ($0.element.urgency, $0.offset) < ($1.element.urgency, $1.offset) }
            .map(\.element)
        shown = sorted.dropFirst(max(0, start)).prefix(Self.length)
    }

    /// Whether the page lacks apps that were found.
    var isPart: Bool { shown.count < found }

    /// The address of the next apps; `nil` after the last ones.
    var next: String? {
        guard shown.endIndex < found else { return nil }
        let filter = search.isEmpty ? "" : "&q=\(ReleaseLog.View.escaped(search))"
        return "/?from=\(shown.endIndex)\(filter)"
    }

    /// `1,200 apps, 3 releasing`, and which of them are shown.
    var heading: String {
        var parts = [found == count ? counted(count, "app") : "\(found) of \(counted(count, "app"))"]
        if isPart, let first = shown.indices.first { parts.append("\(first + 1) to \(shown.endIndex)") }
        if running > 0 { parts.append("\(running) releasing") }
        return parts.joined(separator: ", ")
    }
}
