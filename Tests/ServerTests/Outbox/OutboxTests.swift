import Foundation
import Integrations
import Journal
import JournalSQLite
import ReleaseMachine
import Synchronization
import Testing

@testable import Server

@Suite("Messages to other systems follow the journal: in order, at least once, at each destination's own pace")
struct OutboxTests {
    private let source = "https://github.com/mike/blog"

    @Test("what happens is projected once, event by event or all at once, also after a restart")
    func projection() async throws {
        let bench = try OutboxBench()
        let destination = ScriptedDestination("chat")
        var process = try await bench.begin([destination])
        try await bench.request(process.journal, 1, source: source)
        try await process.project()
        for event in OutboxBench.course {
            try await bench.add([event], process.journal, 1)
            try await process.project()
            process = try await bench.begin([destination])
            try await process.project()
        }
        let whole = ["requested", "started", "live"].map { "chat blog/1 \($0): pending" }
        #expect(try await process.states() == whole)
        bench.clock.advance(by: .seconds(1))
        try await bench.request(process.journal, 2, source: source)
        try await bench.add(OutboxBench.course, process.journal, 2)
        bench.clock.advance(by: .seconds(1))
        try await bench.add([.replaced(by: 2, rolledBack: false)], process.journal, 1)
        try await process.project()
        #expect(
            try await process.states() == whole
                + ["2 requested", "2 started", "2 live", "1 replaced"].map { "chat blog/\($0): pending" })
        try await process.sendAll()
        #expect(
            destination.all == [
                "blog/1 requested", "blog/1 started", "blog/1 live", "blog/2 requested", "blog/2 started",
                "blog/2 live",
                "blog/1 replaced",
            ])
    }

    @Test("an event of an older release is noticed by a server that had forgotten it")
    func olderRelease() async throws {
        let bench = try OutboxBench()
        let destination = ScriptedDestination("chat")
        var process = try await bench.begin([destination])
        for number in 1...2 {
            try await bench.request(process.journal, number, source: source)
            try await bench.add(OutboxBench.course, process.journal, number)
        }
        try await process.project()
        process = try await bench.begin([destination])
        try await process.project()
        try await bench.add([.replaced(by: 2, rolledBack: true)], process.journal, 1)
        try await process.project()
        #expect(try await process.states().last == "chat blog/1 replaced: pending")
    }

    @Test("what is older than a day is not told any more, nor what is before the newest twenty releases")
    func catchUp() async throws {
        let bench = try OutboxBench()
        let journal = try Journal(path: bench.folder.journal)
        let now = bench.clock.now
        try await bench.request(journal, 1, source: source, at: now + .seconds(-90_000))
        try await bench.add(OutboxBench.course, journal, 1, at: now + .seconds(-3600))
        for number in 2...25 { try await bench.request(journal, number, app: "shop", source: source) }
        try await journal.enqueue([], cursors: ["chat": 0], at: now)
        let destination = ScriptedDestination("chat")
        var process = try await bench.begin([destination])
        try await process.project()
        let states = try await process.states()
        #expect(states.filter { $0.contains("blog") } == ["chat blog/1 started: pending", "chat blog/1 live: pending"])
        #expect(states.filter { $0.contains("shop") } == (6...25).map { "chat shop/\($0) requested: pending" })
    }

    @Test("a destination that is new is told of the releases that run, and not of what had ended before")
    func new() async throws {
        let bench = try OutboxBench()
        let journal = try Journal(path: bench.folder.journal)
        let now = bench.clock.now
        for number in 1...2 {
            try await bench.request(journal, number, source: source, at: now + .seconds(-600))
            try await bench.add(OutboxBench.course, journal, number, at: now + .seconds(-300))
        }
        try await bench.request(journal, 1, app: "shop", source: source, at: now + .seconds(-60))
        let destination = ScriptedDestination("chat")
        var process = try await bench.begin([destination])
        try await process.project()
        #expect(try await process.states() == ["chat shop/1 requested: pending"])
        bench.clock.advance(by: .seconds(60))
        try await bench.add([.replaced(by: 2, rolledBack: false)], process.journal, 1)
        process = try await bench.begin([destination])
        try await process.project()
        #expect(
            try await process.states() == ["chat shop/1 requested: pending", "chat blog/1 replaced: pending"])
    }

    @Test("a destination that is new to very many apps is told of those where anything happens")
    func newToMany() async throws {
        let bench = try OutboxBench()
        let journal = try Journal(path: bench.folder.journal)
        let now = bench.clock.now
        for number in 0..<150 {
            try await bench.request(
                journal, 1, app: "app-\(number)", source: source,
                at: now + (number == 7 ? .seconds(-60) : .seconds(-100_000)))
        }
        let destination = ScriptedDestination("chat")
        var process = try await bench.begin([destination])
        try await process.project()
        #expect(try await process.states() == ["chat app-7/1 requested: pending"])
        // Also of an app that was left out, and of one whose release has ended, as soon as something happens there.
        try await bench.add(OutboxBench.course, process.journal, 1, app: "app-7")
        try await process.project()
        try await bench.request(process.journal, 2, app: "app-7", source: source)
        try await bench.request(process.journal, 2, app: "app-8", source: source)
        try await process.project()
        #expect(
            try await process.states().dropFirst() == [
                "chat app-7/1 started: pending", "chat app-7/1 live: pending", "chat app-7/2 requested: pending",
                "chat app-8/2 requested: pending",
            ])
    }

    @Test("what waits for a destination that is not configured any more is given up after a day")
    func removed() async throws {
        let bench = try OutboxBench()
        let chat = ScriptedDestination("chat") { _ in throw DeliveryFailure(.unavailable(after: nil), "down") }
        var process = try await bench.begin([chat, ScriptedDestination("mail")])
        try await bench.request(process.journal, 1, source: source)
        try await process.project()
        process = try await bench.begin([])
        bench.clock.advance(by: Outbox.patience)
        try await process.outbox.forget()
        #expect(try await process.states().allSatisfy { $0.hasSuffix("pending") })
        bench.clock.advance(by: .seconds(1))
        process = try await bench.begin([ScriptedDestination("mail")])
        try await process.outbox.forget()
        #expect(try await process.states() == ["chat blog/1 requested: obsolete", "mail blog/1 requested: pending"])
        let answer = try await process.journal.notification(1)?.answer
        #expect(answer == "not sent: chat is not configured any more")
    }

    @Test("a clock that was set back holds nothing up, and a receiver cannot ask for more than an hour")
    func clocks() async throws {
        let bench = try OutboxBench()
        let isDown = Switch(true)
        let destination = ScriptedDestination("chat") { _ in
            if isDown.isOn { throw DeliveryFailure(.limited(after: .seconds(86_400)), "too many requests") }
            return "ok"
        }
        var process = try await bench.begin([destination])
        try await bench.request(process.journal, 1, source: source)
        try await process.project()
        let start = bench.clock.now
        try await process.send()
        #expect(try await process.journal.notification(1)?.nextAt == start + .seconds(3600))
        isDown.turnOff()
        bench.clock.advance(by: .seconds(-7200))
        try await process.send()
        #expect(destination.all == ["blog/1 requested"])
    }

    @Test("an error that is not the receiver's is shown, and the message is tried again")
    func otherErrors() async throws {
        struct Full: Error, CustomStringConvertible { let description = "the disk is full" }
        let bench = try OutboxBench()
        let isFull = Switch(true)
        let destination = ScriptedDestination("chat") { _ in
            if isFull.isOn { throw Full() }
            return "ok"
        }
        var process = try await bench.begin([destination])
        for app in ["blog", "shop"] { try await bench.request(process.journal, 1, app: app, source: source) }
        try await process.project()
        try await process.send()
        let first = try #require(try await process.journal.notification(1))
        #expect(first.state == .pending && first.answer == "the disk is full")
        isFull.turnOff()
        try await process.sendAll()
        #expect(destination.all.sorted() == ["blog/1 requested", "shop/1 requested"])
    }

    @Test("a server that starts leaves to another one what that is sending at this moment")
    func second() async throws {
        let bench = try OutboxBench()
        let other = try await bench.begin([ScriptedDestination("chat")])
        try await bench.request(other.journal, 1, source: source)
        var process = other
        try await process.project()
        let due = try #require(try await other.journal.dueNotification(of: "chat", at: bench.clock.now))
        #expect(
            try await other.journal.beginAttempt(
                due, at: bench.clock.now, until: bench.clock.now + Outbox.longestAttempt))
        let destination = ScriptedDestination("chat")
        process = try await bench.begin([destination])
        try await process.outbox.begin()
        try await process.send()
        #expect(destination.all == [])
        bench.clock.advance(by: Outbox.longestAttempt)
        try await process.send()
        #expect(destination.all == ["blog/1 requested"])
    }

    @Test("a journal that was restored from before its cursors is projected from its beginning")
    func restored() async throws {
        let bench = try OutboxBench()
        let destination = ScriptedDestination("chat")
        let journal = try Journal(path: bench.folder.journal)
        try await journal.enqueue([], cursors: ["chat": 1_000_000], at: bench.clock.now)
        try await bench.request(journal, 1, source: source)
        var process = try await bench.begin([destination])
        try await process.project()
        #expect(try await process.states() == ["chat blog/1 requested: pending"])
    }

    @Test("a destination that is down is retried, ever later, and gets everything in order when it is back")
    func outage() async throws {
        let bench = try OutboxBench()
        let isDown = Switch(true)
        let times = Times()
        let destination = ScriptedDestination("chat") { [clock = bench.clock] notification in
            times.add(clock.now)
            if isDown.isOn { throw DeliveryFailure(.unavailable(after: nil), "chat does not answer") }
            return "ok"
        }
        let other = ScriptedDestination("mail")
        var process = try await bench.begin([destination, other])
        for app in ["blog", "shop"] {
            try await bench.request(process.journal, 1, app: app, source: source)
            try await bench.add(OutboxBench.course, process.journal, 1, app: app)
        }
        try await process.project()
        for _ in 0..<20 {
            try await process.send()
            _ = try await process.passTime()
        }
        // The other destination has long been told.
        #expect(other.all.count == 6)
        let first = try #require(try await process.journal.notifications(limit: 99).last { $0.destination == "chat" })
        #expect(first.state == .pending && first.answer == "chat does not answer" && first.attempts > 3)
        let gaps = zip(times.all.dropFirst(), times.all).map { $0 - $1 }
        #expect((gaps.max() ?? .zero) <= .seconds(600) && (gaps.max() ?? .zero) >= .seconds(200))
        isDown.turnOff()
        try await process.sendAll()
        for app in ["blog", "shop"] {
            #expect(
                destination.all.filter { $0.hasPrefix(app) }
                    == ["\(app)/1 requested", "\(app)/1 started", "\(app)/1 live"])
        }
    }

    @Test("a destination that says when is not asked before, with any message")
    func retryAfter() async throws {
        let bench = try OutboxBench()
        let isBusy = Switch(true)
        let times = Times()
        let destination = ScriptedDestination("chat") { [clock = bench.clock] _ in
            times.add(clock.now)
            if isBusy.isOn { throw DeliveryFailure(.unavailable(after: .seconds(900)), "too many requests") }
            return "ok"
        }
        var process = try await bench.begin([destination])
        for app in ["blog", "shop"] { try await bench.request(process.journal, 1, app: app, source: source) }
        try await process.project()
        let start = bench.clock.now
        try await process.send()
        isBusy.turnOff()
        bench.clock.advance(by: .seconds(899))
        try await process.send()
        #expect(times.all == [start])
        bench.clock.advance(by: .seconds(1))
        try await process.send()
        #expect(times.all.count == 3)
    }

    @Test("what a destination refuses is failed with why; what follows is sent; nothing is tried for longer than a day")
    func failures() async throws {
        let bench = try OutboxBench()
        let refusing = ScriptedDestination("picky") { notification in
            if notification.message == "requested" { throw DeliveryFailure(.refused, "no: give it the permission") }
            return "ok"
        }
        let silent = ScriptedDestination("silent") { _ in
            throw DeliveryFailure(.unavailable(after: nil), "silent does not answer")
        }
        var process = try await bench.begin([refusing, silent])
        try await bench.request(process.journal, 1, source: source)
        try await bench.add(OutboxBench.course, process.journal, 1)
        try await process.project()
        let start = bench.clock.now
        try await process.sendAll()
        #expect(
            try await process.states() == [
                "picky blog/1 requested: failed", "picky blog/1 started: delivered", "picky blog/1 live: delivered",
                "silent blog/1 requested: failed", "silent blog/1 started: failed", "silent blog/1 live: failed",
            ])
        let answers = try await process.journal.notifications(limit: 9).map(\.answer)
        #expect(answers.last == "no: give it the permission")
        #expect(answers.first == "given up after 24 hours; the last answer: silent does not answer")
        #expect(bench.clock.now - start < .seconds(90_000))
    }

    @Test("a message is sent again on request; a status is not, once a later one was delivered")
    func resend() async throws {
        let bench = try OutboxBench()
        let isDown = Switch(true)
        @Sendable func answer(_ notification: OutboxNotification) throws -> String {
            if isDown.isOn, notification.message == "requested" { throw DeliveryFailure(.refused, "no") }
            return "ok"
        }
        let chat = ScriptedDestination("chat") { try answer($0) }
        let forge = ScriptedDestination("forge", tellsState: true) { try answer($0) }
        var process = try await bench.begin([chat, forge])
        try await bench.request(process.journal, 1, source: source)
        try await process.project()
        try await process.send()
        isDown.turnOff()
        _ = try await process.outbox.resend(2)
        try await process.send()
        #expect(forge.all == ["blog/1 requested"] && chat.all == [])
        try await bench.add(OutboxBench.course, process.journal, 1)
        try await process.project()
        try await process.send()
        for id in 1...2 { _ = try await process.outbox.resend(id) }
        try await process.send()
        #expect(chat.all == ["blog/1 started", "blog/1 live", "blog/1 requested"])
        #expect(forge.all == ["blog/1 requested", "blog/1 started", "blog/1 live"])
        let obsolete = try #require(try await process.journal.notification(2))
        #expect(obsolete.state == .obsolete && obsolete.answer == "not sent: live has been delivered since")
        #expect(try await process.outbox.resend(99) == nil)
    }

    @Test("messages that were dealt with are forgotten after a month, and not told again")
    func forgotten() async throws {
        let bench = try OutboxBench()
        let destination = ScriptedDestination("chat")
        var process = try await bench.begin([destination])
        try await bench.request(process.journal, 1, source: source)
        try await process.project()
        try await process.send()
        bench.clock.advance(by: Outbox.retention + .seconds(1))
        try await process.outbox.forget()
        // It may be live, and more may be told of it.
        #expect(try await process.states() == ["chat blog/1 requested: delivered"])
        try await bench.request(process.journal, 21, source: source, at: bench.clock.now + .seconds(-90_000))
        try await process.outbox.forget()
        process = try await bench.begin([destination])
        try await bench.add([.said(LogMessage("a line"))], process.journal, 1)
        try await process.project()
        #expect(try await process.states() == [])
    }

    @Test("a limit of the receiver holds the messages that it is about, and no others")
    func limits() async throws {
        let bench = try OutboxBench()
        let isBusy = Switch(true)
        let destination = ScriptedDestination("chat") { notification in
            if isBusy.isOn, notification.app == "blog" {
                throw DeliveryFailure(.unavailable(after: .seconds(900)), "too many requests")
            }
            return "ok"
        } limit: {
            $0.app
        }
        var process = try await bench.begin([destination])
        for app in ["blog", "docs", "shop"] { try await bench.request(process.journal, 1, app: app, source: source) }
        try await process.project()
        try await process.send()
        #expect(destination.all == ["docs/1 requested", "shop/1 requested"])
        isBusy.turnOff()
        bench.clock.advance(by: .seconds(899))
        try await process.send()
        #expect(destination.all.count == 2)
        bench.clock.advance(by: .seconds(1))
        try await process.send()
        #expect(destination.all.last == "blog/1 requested")
    }

    @Test("what waits for another attempt is tried at once when a server starts")
    func restart() async throws {
        let bench = try OutboxBench()
        let isDown = Switch(true)
        let destination = ScriptedDestination("chat") { _ in
            if isDown.isOn { throw DeliveryFailure(.unavailable(after: .seconds(3000)), "chat does not answer") }
            return "ok"
        }
        var process = try await bench.begin([destination])
        try await bench.request(process.journal, 1, source: source)
        try await process.project()
        try await process.send()
        isDown.turnOff()
        process = try await bench.begin([destination])
        try await process.send()
        #expect(destination.all == [])
        try await process.outbox.begin()
        try await process.send()
        #expect(destination.all == ["blog/1 requested"])
    }

    @Test("what is over is not told as news: where a later message about the release is to be told, that one is")
    func stale() async throws {
        let bench = try OutboxBench()
        let isDown = Switch(true)
        let destination = ScriptedDestination("chat", staleAfter: .seconds(3600)) { _ in
            if isDown.isOn { throw DeliveryFailure(.unavailable(after: nil), "chat does not answer") }
            return "ok"
        }
        var process = try await bench.begin([destination])
        try await bench.request(process.journal, 1, source: source)
        try await bench.add(OutboxBench.course, process.journal, 1)
        bench.clock.advance(by: .seconds(1800))
        try await bench.request(process.journal, 2, source: source)
        try await process.project()
        bench.clock.advance(by: .seconds(1800))
        try await process.send()
        isDown.turnOff()
        try await process.sendAll()
        // Of the second release nothing later is known.
        #expect(destination.all == ["blog/1 live", "blog/2 requested"])
        let first = try #require(try await process.journal.notification(1))
        #expect(first.state == .obsolete && first.answer == "not sent: it is over, and live is told instead")
        _ = try await process.outbox.resend(2)
        try await process.send()
        #expect(destination.all.last == "blog/1 started")
    }

    @Test("what is projected again writes nothing; what is replaced is sent as it is now, once")
    func replaced() async throws {
        let bench = try OutboxBench()
        let destination = StateDestination()
        var process = try await bench.begin([destination])
        try await bench.request(process.journal, 1, source: source)
        try await process.project()
        try await bench.add(Array(OutboxBench.course[..<3]), process.journal, 1)
        try await process.project()
        #expect(try await process.states() == ["board blog/1 state: pending"])
        try await process.send()
        #expect(destination.all == [4])
        // A line of the log changes nothing that it shows.
        let cursor = try await process.journal.outboxCursor(of: "board")
        try await bench.add([.said(LogMessage("a line"))], process.journal, 1)
        try await process.project()
        try await process.send()
        #expect(destination.all == [4])
        #expect(try await process.journal.outboxCursor(of: "board") == cursor)
        process = try await bench.begin([destination])
        try await process.project()
        try await process.send()
        #expect(destination.all == [4])
        try await bench.add([OutboxBench.course[3]], process.journal, 1)
        try await process.project()
        try await process.send()
        #expect(destination.all == [4, 6])
        #expect(try await process.states() == ["board blog/1 state: delivered"])
    }

    @Test("metrics tell how many messages wait for a destination that may be sent, and for how long")
    func metrics() async throws {
        let bench = try OutboxBench()
        let destination = ScriptedDestination("chat") { _ in
            throw DeliveryFailure(.unavailable(after: nil), "chat does not answer")
        }
        var process = try await bench.begin([destination])
        try await process.outbox.measure(destination)
        #expect(process.metrics.text.contains(#"viridian_notifications_lag_seconds{destination="chat"} 0"#))
        try await bench.request(process.journal, 1, source: source)
        try await bench.add([OutboxBench.course[0]], process.journal, 1)
        try await process.project()
        try await process.send()
        bench.clock.advance(by: .seconds(90))
        try await process.outbox.measure(destination)
        #expect(process.metrics.text.contains(#"viridian_notifications_pending{destination="chat"} 2"#))
        #expect(process.metrics.text.contains(#"viridian_notifications_lag_seconds{destination="chat"} 90"#))
        #expect(
            process.metrics.text.contains(#"viridian_notifications_total{destination="chat",outcome="retried"} 1"#))
    }
}

/// Shows a release as it is: one message, replaced when an event other than a line of its log comes.
private final class StateDestination: OutboxDestination {
    let name = "board"
    private let shown = Mutex<[Int]>([])
    private let changes = Mutex<[String: Int]>([:])

    /// The numbers of the events up to which the release was shown.
    var all: [Int] { shown.withLock { $0 } }

    func messages(for history: Milestones) throws -> [NewNotification] {
        let release = history.release
        // Pods and nodes change with every event that is not a line.
        let state = "\(release.phase) \(release.nodes.map(\.state))"
        let sequence = changes.withLock { changes in
            let known = changes[state] ?? release.sequence
            changes[state] = known
            return known
        }
        return [
            NewNotification(
                destination: name, kind: "test", app: release.order.app, number: release.order.number,
                message: "state", payload: "\(sequence)", at: release.updatedAt, isReplaced: true)
        ]
    }

    func deliver(_ notification: OutboxNotification, _ context: DeliveryContext) async throws -> DeliveryOutcome {
        shown.withLock { $0.append(Int(notification.payload) ?? 0) }
        return .delivered("ok")
    }

    func sendTest() async throws -> String { "ok" }
    func close() async {}
}
