import Controller
import ReleaseMachine
import Synchronization

/// A journal on another machine: it is slow, fails, is not there for minutes, answers late, loses answers of what it has written, or
/// will write later, and goes back in a failover to a standby that was behind.
final class SimulatedJournal: Sendable {
    /// What is in the journal of one release, and what it came to.
    private struct Book {
        var events: [RecordedEvent]
        var release: Release
        /// All effects that the release has named so far.
        var named: Set<Effect>

        init?(_ first: RecordedEvent) {
            guard let release = Release(first) else { return nil }
            (events, self.release, named) = ([first], release, release.effects)
        }

        /// Without the events after the first `count`. What was named may be under way.
        func cut(to count: Int) -> Book? {
            guard var book = events.first.flatMap(Book.init) else { return nil }
            for event in events.prefix(count).dropFirst() { book.add(event) }
            book.named.formUnion(named)
            return book
        }

        mutating func add(_ event: RecordedEvent) {
            events.append(event)
            release.apply(event)
            named.formUnion(release.effects)
        }
    }

    private struct State {
        /// By the release's number.
        var books: [Int: Book] = [:]
        var listeners: [Int: AsyncStream<Void>.Continuation] = [:]
        var nextListener = 0
        /// How many calls of a hundred fail by themselves.
        var faults = 0
        var outages = Outages()
        var failures = 0
        /// What was acknowledged and is lost, by the release's number.
        var lost: [Int: [RecordedEvent]] = [:]
        /// Releases whose lease has seen events that are lost: nobody may go on with them.
        var stopped: Set<Int> = []
        /// How often it has gone back; what was to be written to the server before comes too late.
        var failovers = 0
    }

    private enum Fate { case answers, fails, losesAnswer, writesLater }

    private let clock: SimulatedClock
    private let dice: Dice
    private let rules: BrokenRules
    private let trace: Trace
    private let state = Mutex(State())

    init(
        clock: SimulatedClock, dice: Dice, rules: BrokenRules,
        trace: Trace
    ) {
        self.trace = trace
        self.clock = clock
        self.dice = dice
        self.rules = rules
    }

    // MARK: What it is asked for

    func append(_ events: [RecordedEvent], number: Int) async throws {
        let fate = fate()
        do {
            try await travel()
        } catch {
            if dice.chance(50) { try? write(events, number) }
            throw error
        }
        switch fate {
        case .answers:
            try write(events, number)
            try await travel()
        case .fails:
            throw JournalUnavailable("the journal did not answer. Nothing was written", isUnknown: false)
        case .losesAnswer:
            try? write(events, number)
            throw JournalUnavailable("the journal's answer was lost", isUnknown: true)
        case .writesLater:
            let failovers = failovers
            clock.schedule(after: dice.milliseconds(1..<20_000)) { [self] in
                if failovers == self.failovers { try? write(events, number) }
            }
            throw JournalUnavailable("the journal's answer was lost", isUnknown: true)
        }
    }

    func read<T: Sendable>(_ body: (SimulatedJournal) -> T) async throws -> T {
        let fate = fate()
        try await travel()
        guard case .answers = fate else {
            throw JournalUnavailable("the journal did not answer", isUnknown: false)
        }
        let value = body(self)
        try await travel()
        return value
    }

    /// For a process that does not wait for the answer.
    func writeLater(_ events: [RecordedEvent], number: Int) {
        clock.schedule(after: .seconds(1)) { [self] in try? write(events, number) }
    }

    func changes() -> AsyncStream<Void> {
        let (stream, continuation) = AsyncStream.makeStream(
            of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let number = state.withLock { state in
            state.nextListener += 1
            state.listeners[state.nextListener] = continuation
            return state.nextListener
        }
        continuation.onTermination = { [weak self] _ in
            self?.state.withLock { _ = $0.listeners.removeValue(forKey: number) }
        }
        continuation.yield()
        return stream
    }

    private func fate() -> Fate {
        let (isOut, faults) = state.withLock { ($0.outages.contain(clock.now), $0.faults) }
        guard isOut || dice.chance(faults) else { return .answers }
        state.withLock { $0.failures += 1 }
        return switch dice.below(isOut ? 12 : 4) {
        case 0: .losesAnswer
        case 1: .writesLater
        default: .fails
        }
    }

    /// Mostly milliseconds, now and then so long that a lease expires meanwhile.
    private func travel() async throws {
        let length: Duration =
            switch dice.below(200) {
            case 0: dice.seconds(1..<25)
            case 1...10: dice.milliseconds(20..<800)
            default: dice.milliseconds(0..<4)
            }
        try await clock.sleep(for: length)
    }

    // MARK: What is in it

    private func write(_ events: [RecordedEvent], _ number: Int) throws {
        try state.withLock { state in
            let count = state.books[number]?.events.count ?? 0
            guard let first = events.first else { return }
            guard first.sequence > count else { throw JournalConflict() }
            guard events.map(\.sequence) == Array(count + 1..<count + 1 + events.count) else {
                // What it followed may be lost.
                if state.lost[number] != nil { throw JournalConflict() }
                return rules.report("the journal: \(number) has a gap before its event \(first.sequence)")
            }
            if state.stopped.contains(number) { check(events, number, &state) }
            for event in events {
                if state.books[number] == nil { state.books[number] = Book(event) } else { add(event, number, &state) }
            }
        }
        for event in events { trace("\(number)/\(event.sequence) \(event.event)") }
        announce()
    }

    /// Requests of people are written; the release does not go on.
    private func check(_ events: [RecordedEvent], _ number: Int, _ state: inout State) {
        for event in events {
            switch event.event {
            case .lossAccepted: state.stopped.remove(number)
            case .promoted, .abortRequested, .takenUp, .said: continue
            default: rules.report("the journal: \(number) goes on after it has gone back, with \(event.event)")
            }
        }
    }

    /// A failover to a standby that was behind: the last events of the newest release are lost, at most `most` and not all of them.
    /// `seen` is what the lease says.
    func goBack(_ most: Int, seen: JournalEnd?) {
        let kept = state.withLock { state -> (number: Int, count: Int)? in
            guard let number = state.books.keys.max(), let book = state.books[number] else { return nil }
            let count = max(1, book.events.count - most)
            guard count < book.events.count, let cut = book.cut(to: count) else { return nil }
            state.lost[number, default: []] += book.events.dropFirst(count)
            state.books[number] = cut
            state.failovers += 1
            if let seen, seen.release == number, seen.sequence > count { state.stopped.insert(number) }
            return (number, count)
        }
        guard let kept else { return }
        trace("the journal goes back: \(kept.number) to event \(kept.count)")
        announce()
    }

    private func add(_ event: RecordedEvent, _ number: Int, _ state: inout State) {
        // Every line of the simulated nodes has a number of its own.
        if case .said(let line) = event.event, line.text.contains("#"),
            state.books[number]?.events.contains(where: { $0.event == event.event }) == true, state.lost[number] == nil
        {
            rules.report("the journal: \(number) has \"\(line.text)\" twice")
        }
        state.books[number]?.add(event)
    }

    /// Listeners learn of it at once, or later.
    private func announce() {
        let listeners = state.withLock { state in
            state.listeners.sorted { $0.key < $1.key }.map(\.value)
        }
        for listener in listeners {
            if dice.chance(10) {
                clock.schedule(after: dice.milliseconds(1..<3000)) { listener.yield() }
            } else {
                listener.yield()
            }
        }
    }

    /// Whether a release has asked for this, as far as it is in the journal.
    func hasNamed(_ effect: Effect, _ number: Int) -> Bool {
        state.withLock { $0.books[number]?.named.contains(effect) ?? false }
    }

    func contains(_ event: RecordedEvent, _ number: Int) -> Bool {
        state.withLock { state in
            if state.lost[number]?.contains(event) == true { return true }
            guard let events = state.books[number]?.events, event.sequence <= events.count else {
                return false
            }
            return events[event.sequence - 1] == event
        }
    }

    /// Whether it has acknowledged such an event, which it may have lost since.
    func hasHad(_ kind: String, _ number: Int) -> Bool {
        state.withLock { state in
            let all = (state.books[number]?.events ?? []) + (state.lost[number] ?? [])
            return all.contains { $0.event.kind == kind }
        }
    }

    func events(_ number: Int, after sequence: Int = 0) -> [RecordedEvent] {
        state.withLock { Array($0.books[number]?.events.dropFirst(sequence) ?? []) }
    }

    /// The newest first.
    var releases: [Release] {
        state.withLock { state in state.books.keys.sorted(by: >).compactMap { state.books[$0]?.release }
        }
    }

    func release(_ number: Int) -> Release? { state.withLock { $0.books[number]?.release } }

    var failures: Int { state.withLock { $0.failures } }
    var failovers: Int { state.withLock { $0.failovers } }

    func set(faults: Int, outages: Outages) {
        state.withLock { ($0.faults, $0.outages) = (faults, outages) }
    }
}
