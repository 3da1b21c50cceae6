import Foundation
import Integrations
import Journal
import ReleaseMachine
import Testing

@testable import Server

@Suite("Messages to other systems follow the journal: in order, at least once, at each destination's own pace")
struct OutboxTests {
    private let source = "https://github.com/mike/blog"

    @Test("what happens is projected once, event by event or all at once, also after a restart")
    func projection() async throws {
        let bench = try OutboxBench()
        let destination = ScriptedDestination("chat")
        var process = try bench.begin([destination])
        try bench.request(process.journal, 1, source: source)
        try await process.project()
        for event in OutboxBench.course {
            try bench.add([event], process.journal, 1)
            try await process.project()
            process = try bench.begin([destination])
            try await process.project()
        }
        let whole = ["requested", "started", "live"].map { "chat blog/1 \($0): pending" }
        #expect(try process.states() == whole)
        bench.clock.advance(by: .seconds(1))
        try bench.request(process.journal, 2, source: source)
        try bench.add(OutboxBench.course, process.journal, 2)
        bench.clock.advance(by: .seconds(1))
        try bench.add([.replaced(by: 2, rolledBack: false)], process.journal, 1)
        try await process.project()
        #expect(
            try process.states() == whole
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
        var process = try bench.begin([destination])
        for number in 1...2 {
            try bench.request(process.journal, number, source: source)
            try bench.add(OutboxBench.course, process.journal, number)
        }
        try await process.project()
        process = try bench.begin([destination])
        try await process.project()
        try bench.add([.replaced(by: 2, rolledBack: true)], process.journal, 1)
        try await process.project()
        #expect(try process.states().last == "chat blog/1 replaced: pending")
    }

    @Test("what is older than a day is not told any more, nor what is before the newest twenty releases")
    func catchUp() async throws {
        let bench = try OutboxBench()
        let journal = try Journal(path: bench.folder.journal)
        let now = bench.clock.now
        try bench.request(journal, 1, source: source, at: now + .seconds(-90_000))
        try bench.add(OutboxBench.course, journal, 1, at: now + .seconds(-3600))
        for number in 2...25 { try bench.request(journal, number, app: "shop", source: source) }
        let destination = ScriptedDestination("chat")
        var process = try bench.begin([destination])
        try await process.project()
        let states = try process.states()
        #expect(states.filter { $0.contains("blog") } == ["chat blog/1 started: pending", "chat blog/1 live: pending"])
        #expect(states.filter { $0.contains("shop") } == (6...25).map { "chat shop/\($0) requested: pending" })
    }

    @Test("a journal that was restored from before its cursors is projected from its beginning")
    func restored() async throws {
        let bench = try OutboxBench()
        let destination = ScriptedDestination("chat")
        let journal = try Journal(path: bench.folder.journal)
        try journal.enqueue([], cursors: ["chat": 1_000_000], at: bench.clock.now)
        try bench.request(journal, 1, source: source)
        var process = try bench.begin([destination])
        try await process.project()
        #expect(try process.states() == ["chat blog/1 requested: pending"])
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
        var process = try bench.begin([destination, other])
        for app in ["blog", "shop"] {
            try bench.request(process.journal, 1, app: app, source: source)
            try bench.add(OutboxBench.course, process.journal, 1, app: app)
        }
        try await process.project()
        for _ in 0..<20 {
            try await process.send()
            _ = try process.passTime()
        }
        // The other destination has long been told.
        #expect(other.all.count == 6)
        let first = try #require(try process.journal.notifications(limit: 99).last { $0.destination == "chat" })
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
        var process = try bench.begin([destination])
        for app in ["blog", "shop"] { try bench.request(process.journal, 1, app: app, source: source) }
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
        var process = try bench.begin([refusing, silent])
        try bench.request(process.journal, 1, source: source)
        try bench.add(OutboxBench.course, process.journal, 1)
        try await process.project()
        let start = bench.clock.now
        try await process.sendAll()
        #expect(
            try process.states() == [
                "picky blog/1 requested: failed", "picky blog/1 started: delivered", "picky blog/1 live: delivered",
                "silent blog/1 requested: failed", "silent blog/1 started: failed", "silent blog/1 live: failed",
            ])
        let answers = try process.journal.notifications(limit: 9).map(\.answer)
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
        var process = try bench.begin([chat, forge])
        try bench.request(process.journal, 1, source: source)
        try await process.project()
        try await process.send()
        isDown.turnOff()
        _ = try await process.outbox.resend(2)
        try await process.send()
        #expect(forge.all == ["blog/1 requested"] && chat.all == [])
        try bench.add(OutboxBench.course, process.journal, 1)
        try await process.project()
        try await process.send()
        for id in 1...2 { _ = try await process.outbox.resend(id) }
        try await process.send()
        #expect(chat.all == ["blog/1 started", "blog/1 live", "blog/1 requested"])
        #expect(forge.all == ["blog/1 requested", "blog/1 started", "blog/1 live"])
        let obsolete = try #require(try process.journal.notification(2))
        #expect(obsolete.state == .obsolete && obsolete.answer == "not sent: live has been delivered since")
        #expect(try await process.outbox.resend(99) == nil)
    }

    @Test("messages that were dealt with are forgotten after a month, and not told again")
    func forgotten() async throws {
        let bench = try OutboxBench()
        let destination = ScriptedDestination("chat")
        var process = try bench.begin([destination])
        try bench.request(process.journal, 1, source: source)
        try await process.project()
        try await process.send()
        bench.clock.advance(by: Outbox.retention + .seconds(1))
        let start = Timestamp(milliseconds: bench.clock.now.milliseconds - Outbox.retention.milliseconds)
        try process.journal.forgetNotifications(before: start)
        process = try bench.begin([destination])
        try bench.add([.said(LogMessage("a line"))], process.journal, 1)
        try await process.project()
        #expect(try process.states() == [])
    }
}
