import Controller
import Foundation
import Journal
import JournalSQLite
import ReleaseMachine
import Testing
import ViridianConfiguration

@testable import Server

@Suite("Freezes and locks in time")
struct FreezeTimeTests {
    @Test(
        "a freeze that begins or ends, and a lock that ends, change what holds an app without anything in the journal")
    func time() async throws {
        let folder = try TestFolder()
        let journal = try Journal(path: folder.journal)
        let clock = SettableClock()
        let freeze = FreezeWindow(
            name: "evening",
            period: .once(
                from: try #require(CalendarTime("2015-10-25T16:00")), to: try #require(CalendarTime("2015-10-25T20:00"))
            ),
            apps: ["blog"])
        let cache = try await AppStateCache(
            apps: FakeApps(
                world: FakeWorld(), journal: journal, me: "me", configurations: [try PagesStory.configuration()],
                freezes: [freeze]),
            journal: journal, metrics: Metrics(version: "1"), clock: clock, heartbeat: .seconds(60))
        func holds() async -> [String] {
            await cache.refreshHolds()
            return await cache.app("blog")?.holds.map { String($0.sentence.prefix { $0 != "(" }) } ?? []
        }
        #expect(await holds() == [])
        let (id, signals) = await cache.watchChanges()
        clock.advance(by: try #require(Timestamp(iso8601: "2015-10-25T16:00:00Z")) - clock.now)
        #expect(await holds() == ["blog is frozen until Sun 2015-10-25 20:00 UTC "])
        var changes = signals.makeAsyncIterator()
        #expect(await changes.next() != nil, "viewers are told")
        try await journal.add(
            ReleaseLock(
                id: "x", app: "blog", reason: "y", by: "ops", since: clock.now, until: clock.now + .seconds(6 * 3600)))
        #expect(await holds().count == 2)
        clock.advance(by: try #require(Timestamp(iso8601: "2015-10-25T20:00:00Z")) - clock.now)
        #expect(await holds() == ["blog is locked until 2015-10-25 22:00 UTC by ops: y "])
        clock.advance(by: try #require(Timestamp(iso8601: "2015-10-25T22:00:00Z")) - clock.now)
        #expect(await holds() == [])
        await cache.unwatchChanges(id)
    }
}
