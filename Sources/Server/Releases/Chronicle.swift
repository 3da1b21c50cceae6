import Controller
import ReleaseMachine

/// A release and its events as they are told, with what pages need of all of them kept up event by event: to show a release costs
/// what is shown, however long its log has become.
struct Chronicle: Sendable {
    /// The release as its newest event left it.
    private(set) var release: Release
    private(set) var events: [EventView] = []
    /// What has happened on each node.
    private(set) var marks = NodeMarks()
    private var narrator = Narrator()
    /// Lines are counted from 1 through the whole log: for each event the number that its first line has, or would have.
    private var firstLines: [Int] = []
    private var lineCount = 0
    /// Which of `events` belong to a phase, and which tell something of a node.
    private var places: [Phase: [Int]] = [:]
    private var placesOfNodes: [String: [Int]] = [:]

    /// `nil` when these are not the events of a release from its first one on.
    init?(_ recorded: some Sequence<RecordedEvent>) {
        var iterator = recorded.makeIterator()
        guard let first = iterator.next(), let release = Release(first) else { return nil }
        self.release = release
        tell(first)
        while let event = iterator.next() { append(event) }
    }

    mutating func append(_ event: RecordedEvent) {
        release.apply(event)
        tell(event)
    }

    private mutating func tell(_ recorded: RecordedEvent) {
        let view = EventView(recorded, text: narrator.lines(recorded, release), after: release)
        let place = events.count
        places[view.phase, default: []].append(place)
        for node in Set(view.nodes) { placesOfNodes[node, default: []].append(place) }
        firstLines.append(lineCount + 1)
        lineCount += view.text.count
        marks.note(recorded, release)
        events.append(view)
    }

    /// What a page shows of the release.
    func picture(_ view: ReleaseLog.View) -> ReleasePicture {
        ReleasePicture(release: release, marks: marks, log: part(view))
    }

    // MARK: - Part of the log

    /// The lines that a view asks for, at most a page of them.
    func part(_ view: ReleaseLog.View, length: Int = ReleaseLog.length) -> ReleaseLog.Part {
        let candidates = Candidates(self, view)
        let end = candidates.end(of: view.upTo ?? lineCount)
        var shown: [ReleaseLog.Line] = []
        var part = ReleaseLog.Part()
        walk: for place in candidates.range(..<end).reversed() {
            for line in events[candidates[place]].text.indices.reversed() {
                let number = firstLines[candidates[place]] + line
                if let last = view.upTo, number > last { continue }
                if shown.count == length {
                    part.earlier = number
                    break walk
                }
                shown.append(ReleaseLog.Line(number: number, event: events[candidates[place]], line: line))
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

    /// Whether there are lines after the given one, and the last line of the next page; `nil` where that is the log's end.
    private func later(
        than last: Int, _ candidates: Candidates, from start: Int, length: Int
    ) -> (hasLater: Bool, last: Int?) {
        var count = 0
        var end: Int?
        for place in candidates.range(start...) {
            for line in events[candidates[place]].text.indices {
                let number = firstLines[candidates[place]] + line
                guard number > last else { continue }
                count += 1
                if count == length { end = number }
                if count > length { return (true, end) }
            }
        }
        return (count > 0, nil)
    }

    /// The events that a view's filters let through, in their order. Of two filters the rarer one, the node's, is looked up, and the
    /// other one is held against what that finds.
    private struct Candidates {
        private let chronicle: Chronicle
        private let some: [Int]?
        private let phase: Phase?

        init(_ chronicle: Chronicle, _ view: ReleaseLog.View) {
            self.chronicle = chronicle
            some = view.node.map { chronicle.placesOfNodes[$0] ?? [] } ?? view.phase.map { chronicle.places[$0] ?? [] }
            phase = view.node == nil ? nil : view.phase
        }

        private var count: Int { some?.count ?? chronicle.events.count }
        subscript(place: Int) -> Int { some?[place] ?? place }

        /// Behind the last candidate that has a line up to the given one.
        func end(of line: Int) -> Int {
            var range = 0..<count
            while let middle = range.isEmpty ? nil : (range.lowerBound + range.upperBound) / 2 {
                if chronicle.firstLines[self[middle]] <= line {
                    range = (middle + 1)..<range.upperBound
                } else {
                    range = range.lowerBound..<middle
                }
            }
            return range.lowerBound
        }

        func range(_ places: some RangeExpression<Int>) -> LazyFilterSequence<Range<Int>> {
            places.relative(to: 0..<count).lazy.filter { place in
                phase.map { chronicle.events[self[place]].phase == $0 } ?? true
            }
        }
    }
}

/// What a page shows of a release at a moment.
struct ReleasePicture: Sendable {
    var release: Release
    var marks: NodeMarks
    var log: ReleaseLog.Part
}

extension EventView {
    /// The nodes that it tells something of.
    var nodes: [String] {
        switch event {
        case .nodePrepared(let node), .nodeStaged(let node), .nodeSwitched(let node), .nodeReverted(let node): [node]
        case .nodeFailed(_, let trouble): [trouble.node]
        case .said(let line): line.source.map { [$0] } ?? []
        case .troubled(let effect, _), .refused(let effect, _, _): effect.node.map { [$0] } ?? []
        case .discovered(let survey): survey.unreachable.map(\.node)
        case .drained(let evidence): evidence.open.map(\.node)
        default: []
        }
    }
}
