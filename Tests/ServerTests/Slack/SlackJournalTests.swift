import Foundation
import GRDB
import HTTPTransport
import Integrations
import Journal
import ReleaseMachine
import TestSupport
import Testing

@testable import Server

@Suite("Requests from Slack and a journal that can be read and not written", .timeLimit(.minutes(10)))
struct SlackJournalTests {
    /// What cannot be written, as on a full disk. Requests still come in, as when it fills up at that moment.
    private enum Fault: String, CaseIterable {
        case events = "INSERT ON events"
        case progress = "UPDATE ON slack_requests"
        case links = "INSERT ON slack_links"
    }

    private func database(_ folder: TestFolder) throws -> DatabaseQueue {
        var configuration = Configuration()
        configuration.busyMode = .timeout(30)
        return try DatabaseQueue(path: folder.journal, configuration: configuration)
    }

    private func fill(_ folder: TestFolder, _ faults: [Fault] = Fault.allCases) throws {
        try database(folder).write { database in
            for (number, fault) in faults.enumerated() {
                try database.execute(
                    sql: """
                        CREATE TRIGGER full\(number) BEFORE \(fault.rawValue) BEGIN SELECT RAISE(ABORT, 'disk full'); END
                        """)
            }
        }
    }

    private func free(_ folder: TestFolder) throws {
        try database(folder).write { database in
            // The journal has triggers of its own.
            let mine = "SELECT name FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'full%'"
            for name in try String.fetchAll(database, sql: mine) {
                try database.execute(sql: "DROP TRIGGER \(name)")
            }
        }
    }

    @Test("what cannot be written is not done, the person is told so once, and it is done when it can be")
    func held() async throws {
        let folder = try TestFolder()
        try await SlackWorld.run(folder: folder) { world in
            _ = try await world.paused()
            try fill(folder)
            let told = try await world.click("promote", "blog/1", by: .mike)
            #expect(told.contains("cannot use its journal at present, so this is not done yet"), "\(told)")
            // Whoever comes later does not overtake.
            let second = try await world.click("abort", "blog/1", by: .mike)
            #expect(second.contains("this is not done yet"), "\(second)")
            #expect(try await world.server.release(1, in: .paused).state == .paused)
            try free(folder)
            #expect(try await world.server.release(1, in: .live).promotedBy == "mike")
            let all = try await world.slack.wait(for: "four answers") { slack in
                slack.told(.mike).count == 4 ? slack.told(.mike).map(\.text) : nil
            }
            #expect(all.contains { $0.contains("is promoted") }, "\(all)")
            #expect(all.contains { $0.contains("was promoted by mike already") }, "\(all)")
            #expect(await world.slack.mistakes.isEmpty)
        }
    }

    @Test("a rollback, and somebody who is unknown, wait as well without being told again and again")
    func waiting() async throws {
        let folder = try TestFolder()
        try await SlackWorld.run(folder: folder) { world in
            for (number, version) in [(1, "v2"), (2, "v3")] {
                _ = try await world.server.deploy(version)
                _ = try await world.server.release(number, in: .live)
            }
            try fill(folder)
            for text in ["rollback blog"] { #expect(try await world.say(text, by: .mike).contains("not done yet")) }
            #expect(try await world.say("unlock blog", by: .eve).contains("not done yet"))
            try free(folder)
            let answer = try await world.slack.told(.mike) { $0.text.contains("brings back") }
            #expect(answer.text.contains("`v2`"))
            _ = try await world.slack.told(.eve) { $0.text.contains("/slack/connect?code=") }
            #expect(await world.slack.told(.mike).count == 2)
            #expect(await world.slack.told(.eve).count == 2)
            #expect(await world.slack.mistakes.isEmpty)
        }
    }

    @Test("what is done and cannot be written down is told as it is, and not done again")
    func done() async throws {
        let folder = try TestFolder()
        try await SlackWorld.run(folder: folder) { world in
            _ = try await world.paused()
            try fill(folder, [.progress])
            let told = try await world.click("promote", "blog/1", by: .mike)
            #expect(told.contains("is promoted"), "\(told)")
            _ = try await world.server.release(1, in: .live)
            // Others are served.
            #expect(try await world.say("status blog", by: .bob).contains("blog"))
            #expect(try await world.server.journal.slackRequestsToActOn(limit: 9).count == 2)
            try free(folder)
            let isDone = try await eventually {
                try await world.server.journal.slackRequestsToActOn(limit: 9).isEmpty ? true : nil
            }
            #expect(isDone == true)
            #expect(await world.slack.told(.mike).count == 1)
            #expect(try await world.audit("promote").map(\.outcome) == [.done])
        }
    }
}
