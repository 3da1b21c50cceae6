import Controller
import ReleaseMachine

/// A release and its events, with indexes that are updated event by event: the cost of a page does not grow with the log.
struct ReleaseHistory: Sendable {
    /// The release as its newest event left it.
    private(set) var release: Release
    private(set) var events: [EventView] = []
    /// The steps of each node.
    private(set) var marks = NodeMarks()
    private var formatter = EventFormatter()
    /// The number of each event's first line, or of the next line where the event has none. Lines are numbered from 1 through the log.
    private var firstLines: [Int] = []
    private var lineCount = 0
    /// Indexes of `events` by phase, and by node.
    private var indexes: [Phase: [Int]] = [:]
    private var indexesOfNodes: [String: [Int]] = [:]

    /// `nil` unless these are the events of a release from its first one on.
    init?(_ recorded: some Sequence<RecordedEvent>) {
        var iterator = recorded.makeIterator()
        guard let first = iterator.next(), let release = Release(first) else { return nil }
        self.release = release
        index(first)
        while let event = iterator.next() { append(event) }
    }

    mutating func append(_ event: RecordedEvent) {
        release.apply(event)
        index(event)
    }

    private mutating func index(_ recorded: RecordedEvent) {
        let view = EventView(recorded, text: formatter.lines(recorded, release), after: release)
        let index = events.count
        indexes[view.phase, default: []].append(index)
        for node in Set(view.nodes) { indexesOfNodes[node, default: []].append(index) }
        firstLines.append(lineCount + 1)
        lineCount += view.text.count
        marks.add(recorded, release)
        events.append(view)
    }

    /// The release as a page shows it.
    func snapshot(_ view: ReleaseLog.View) -> ReleaseSnapshot {
        ReleaseSnapshot(release: release, marks: marks, log: part(view))
    }

    // MARK: - Part of the log

    /// The lines of a view, at most `length`.
    func part(_ view: ReleaseLog.View, length: Int = ReleaseLog.length) -> ReleaseLog.Part {
        let candidates = Candidates(self, view)
        let end = candidates.end(of: view.upTo ?? lineCount)
        var shown: [ReleaseLog.Line] = []
        var part = ReleaseLog.Part()
        walk: for position in candidates.range(..<end).reversed() {
            for line in events[candidates[position]].text.indices.reversed() {
                let number = firstLines[candidates[position]] + line
                if let last = view.upTo, number > last { continue }
                if shown.count == length {
                    part.earlier = number
                    break walk
                }
                shown.append(ReleaseLog.Line(number: number, event: events[candidates[position]], line: line))
            }
        }
        shown.reverse()
        part.shown = shown.first.flatMap { first in shown.last.map { first.number...$0.number } }
        if let last = view.upTo {
            (part.hasLater, part.later) = later(than: last, candidates, from: max(0, end - 1), length: length)
        } else if let since = view.since {
            shown.removeAll { $0.number <= since }
        }
        part.lines = shown
        return part
    }

    /// Whether there are lines after the given one, and the last line of the next page; `nil` when that page ends with the log.
    private func later(
        than last: Int, _ candidates: Candidates, from start: Int, length: Int
    ) -> (hasLater: Bool, last: Int?) {
        var count = 0
        var end: Int?
        for position in candidates.range(start...) {
            for line in events[candidates[position]].text.indices {
                let number = firstLines[candidates[position]] + line
                guard number > last else { continue }
                count += 1
                if count == length { end = number }
                if count > length { return (true, end) }
            }
        }
        return (count > 0, nil)
    }

    /// The indexes of the events that match a view's filters, in order. With two filters the node's index is used, and its events are
    /// filtered by phase.
    private struct Candidates {
        private let history: ReleaseHistory
        private let some: [Int]?
        private let phase: Phase?

        init(_ history: ReleaseHistory, _ view: ReleaseLog.View) {
            self.history = history
            some = view.node.map { history.indexesOfNodes[$0] ?? [] } ?? view.phase.map { history.indexes[$0] ?? [] }
            phase = view.node == nil ? nil : view.phase
        }

        private var count: Int { some?.count ?? history.events.count }
        subscript(position: Int) -> Int { some?[position] ?? position }

        /// The position after the last candidate that has a line up to the given one.
        func end(of line: Int) -> Int {
            var range = 0..<count
            while let middle = range.isEmpty ? nil : (range.lowerBound + range.upperBound) / 2 {
                if history.firstLines[self[middle]] <= line {
                    range = (middle + 1)..<range.upperBound
                } else {
                    range = range.lowerBound..<middle
                }
            }
            return range.lowerBound
        }

        func range(_ positions: some RangeExpression<Int>) -> LazyFilterSequence<Range<Int>> {
            positions.relative(to: 0..<count).lazy.filter { position in
                phase.map { history.events[self[position]].phase == $0 } ?? true
            }
        }
    }
}

/// A release as a page shows it.
struct ReleaseSnapshot: Sendable {
    var release: Release
    var marks: NodeMarks
    var log: ReleaseLog.Part
}

extension EventView {
    /// The nodes that the event is about.
    var nodes: [String] {
        switch event {
        case .nodePrepared(let node), .nodeStaged(let node), .nodeSwitched(let node), .nodeReverted(let node): [node]
        case .nodeFailed(_, let problem): [problem.node]
        case .said(let line): line.source.map { [$0] } ?? []
        case .troubled(let effect, _), .refused(let effect, _, _): effect.node.map { [$0] } ?? []
        case .discovered(let survey): survey.unreachable.map(\.node)
        case .drained(let evidence): evidence.open.map(\.node)
        default: []
        }
    }
}
