import Foundation
import Integrations
import Journal
import JournalSQLite
import ReleaseMachine
import Simulator
import Synchronization
import Testing

@testable import Server

@Suite("Random releases, outages and crashes", .serialized)
struct OutboxRandomTests {
    /// A destination that refuses to answer, and a server that dies before or after the destination acted.
    private final class Fate: Sendable {
        private let generator: Mutex<SeededGenerator>

        init(_ seed: UInt64) { generator = Mutex(SeededGenerator(seed: seed)) }

        func next(_ bound: Int) -> Int { generator.withLock { Int.random(in: 0..<bound, using: &$0) } }
    }

    /// What interrupts an attempt when its process ends.
    private typealias Died = CancellationError

    @Test("every message arrives, in the order of its app, at most once more for each crash", arguments: 1...12)
    func seeds(_ seed: UInt64) async throws {
        let fate = Fate(seed)
        let bench = try OutboxBench()
        let received = Mutex<[String: [String]]>([:])
        let crashes = Mutex(0)
        let destination = ScriptedDestination("chat") { notification in
            switch fate.next(10) {
            case 0: throw DeliveryFailure(.unavailable(after: nil), "chat does not answer")
            case 1: throw DeliveryFailure(.unavailable(after: .seconds(fate.next(900))), "too many requests")
            case 2: throw Died()
            default: break
            }
            received.withLock {
                $0[notification.app, default: []].append("\(notification.number) \(notification.message)")
            }
            guard fate.next(8) > 0 else {
                crashes.withLock { $0 += 1 }
                throw Died()
            }
            return "ok"
        }
        var process = try await bench.begin([destination])
        var place: [String: (number: Int, done: Int)] = ["blog": (0, 0), "shop": (0, 0), "docs": (0, 0)]
        for _ in 0..<80 {
            let app = ["blog", "shop", "docs"][fate.next(3)]
            bench.clock.advance(by: .milliseconds(fate.next(60_000)))
            var (number, done) = place[app] ?? (0, 0)
            if number == 0 || done == OutboxBench.course.count {
                (number, done) = (number + 1, 0)
                try await bench.request(process.journal, number, app: app, source: "https://github.com/mike/blog")
                if number > 1 {
                    try await bench.add(
                        [.replaced(by: number, rolledBack: false)], process.journal, number - 1, app: app)
                }
            } else {
                try await bench.add([OutboxBench.course[done]], process.journal, number, app: app)
                done += 1
            }
            place[app] = (number, done)
            do {
                if fate.next(3) > 0 { try await process.project() }
                if fate.next(3) > 0 { try await process.send() }
                if fate.next(20) == 0 { throw Died() }
            } catch is Died {
                process = try await bench.begin([destination])
            }
        }
        var isDone = false
        while !isDone {
            do {
                try await process.project()
                try await process.sendAll()
                isDone = true
            } catch is Died {
                process = try await bench.begin([destination])
            }
        }
        let states = try await process.states()
        #expect(states.allSatisfy { $0.hasSuffix(": delivered") }, "seed \(seed): \(states)")
        var copies = 0
        for (app, messages) in received.withLock({ $0 }) {
            // Repeated ones follow each other: what is left without them is everything in order.
            let distinct = messages.enumerated().filter { $0.offset == 0 || messages[$0.offset - 1] != $0.element }
                .map(\.element)
            copies += messages.count - distinct.count
            let expected = try await process.journal.notifications(NotificationQuery(apps: [app]), limit: 500)
                .reversed().map {
                    "\($0.number) \($0.message)"
                }
            #expect(distinct == expected, "seed \(seed), \(app)")
        }
        #expect(copies <= crashes.withLock { $0 }, "seed \(seed)")
        let told = try await process.journal.notifications(limit: 500).count
        let events = place.values.reduce(0) { sum, place in
            let whole = place.done == OutboxBench.course.count ? 3 : place.done > 0 ? 2 : 1
            return place.number == 0 ? sum : sum + (place.number - 1) * 4 + whole
        }
        #expect(told == events, "seed \(seed)")
    }

    /// Shows each release as it is, in one message that is replaced with every event.
    private final class Board: OutboxDestination {
        let name = "board"
        private let journal: Journal
        private let meanwhile: @Sendable (OutboxNotification) async throws -> Void
        private let shown = Mutex<[String: Int]>([:])

        init(_ journal: Journal, meanwhile: @escaping @Sendable (OutboxNotification) async throws -> Void) {
            self.journal = journal
            self.meanwhile = meanwhile
        }

        /// By release: the event up to which it is shown.
        var all: [String: Int] { shown.withLock { $0 } }

        func message(_ release: Release) -> NewNotification {
            NewNotification(
                destination: name, kind: "test", app: release.order.app, number: release.order.number,
                message: "state", payload: "\(release.sequence)", at: release.updatedAt, lane: release.order.name,
                isReplaced: true)
        }

        func messages(for history: Milestones) throws -> [NewNotification] { [message(history.release)] }

        func deliver(_ notification: OutboxNotification, _ context: DeliveryContext) async throws -> DeliveryOutcome {
            let release = try await context.latest()
            try await meanwhile(notification)
            shown.withLock { $0["\(notification.app)/\(notification.number)"] = release?.sequence }
            return .delivered("ok")
        }

        func sendTest() async throws -> String { "ok" }
        func close() async {}
    }

    @Test(
        "a message that is replaced shows the newest state in the end, also of what happens while it is sent",
        arguments: 1...8)
    func replaced(_ seed: UInt64) async throws {
        let fate = Fate(seed)
        let bench = try OutboxBench()
        let journal = try Journal(path: bench.folder.journal)
        let shows = Switch(true)
        let said = Mutex(0)
        @Sendable func meanwhile(_ notification: OutboxNotification) async throws {
            guard shows.isOn else { return }
            switch fate.next(6) {
            case 0: throw DeliveryFailure(.unavailable(after: nil), "the board does not answer")
            case 1: throw DeliveryFailure(.limited(after: .seconds(fate.next(90))), "too many requests")
            case 2: throw Died()
            case 3, 4:
                // Another process writes an event, and its message.
                let (app, number) = (notification.app, notification.number)
                try await bench.add([.said(LogMessage("a line"))], journal, number, app: app)
                said.withLock { $0 += 1 }
                guard fate.next(2) == 0,
                    let release = Release(folding: try await journal.events(app: app, number: number))
                else { return }
                try await journal.enqueue([Board(journal) { _ in }.message(release)], cursors: [:], at: bench.clock.now)
            default: break
            }
        }
        let board = Board(journal, meanwhile: meanwhile)
        var process = try await bench.begin([board])
        for number in 1...3 { try await bench.request(journal, number, source: "https://github.com/mike/blog") }
        for step in 0..<60 {
            bench.clock.advance(by: .milliseconds(fate.next(40_000)))
            if step.isMultiple(of: 3) { try await bench.add([.said(LogMessage("a line"))], journal, 1 + fate.next(3)) }
            do {
                if fate.next(3) > 0 { try await process.project() }
                if fate.next(3) > 0 { try await process.send() }
            } catch is Died {
                process = try await bench.begin([board])
                if fate.next(2) == 0 { try await process.outbox.begin() }
            }
        }
        shows.turnOff()
        process = try await bench.begin([board])
        try await process.project()
        try await process.sendAll()
        for number in 1...3 {
            let newest = try await journal.events(app: "blog", number: number).count
            #expect(board.all["blog/\(number)"] == newest, "seed \(seed)")
        }
        let states = try await process.states().sorted()
        #expect(states == (1...3).map { "board blog/\($0) state: delivered" }, "seed \(seed)")
        #expect(said.withLock { $0 } > 0)
    }
}
