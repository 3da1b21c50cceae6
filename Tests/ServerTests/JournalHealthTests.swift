import Controller
import Foundation
import Journal
import ReleaseMachine
import Testing

@testable import Server

/// What balancers and Prometheus are told while the journal cannot be used.
@Suite("The journal's health")
struct JournalHealthTests {
    @Test("a file that was moved away: not ready, and the metric is 0; both are well when it is back")
    func moved() async throws {
        let folder = try TestFolder()
        try await withServer(folder: folder, settings: { $0.checkInterval = .seconds(3600) }) { server in
            #expect(try await server.get("/readyz", token: "").status == 200)
            #expect(try await server.get("/metrics", token: "").text.contains("viridian_journal_writable 1\n"))
            try FileManager.default.moveItem(atPath: folder.journal, toPath: folder.journal + ".away")
            let answer = try await server.get("/readyz", token: "")
            #expect(answer.status == 503, "\(answer)")
            #expect(answer.json["journal"].string == "is no longer the file in use", "\(answer)")
            #expect(try await server.get("/metrics", token: "").text.contains("viridian_journal_writable 0\n"))
            try FileManager.default.moveItem(atPath: folder.journal + ".away", toPath: folder.journal)
            #expect(try await server.get("/readyz", token: "").status == 200)
            #expect(try await server.get("/metrics", token: "").text.contains("viridian_journal_writable 1\n"))
        }
    }

    @Test("the metric follows the journal without anybody who asks for it, and without a round of the nodes")
    func watched() async throws {
        let folder = try TestFolder()
        try await withServer(folder: folder, settings: { $0.checkInterval = .seconds(3600) }) { server in
            try FileManager.default.moveItem(atPath: folder.journal, toPath: folder.journal + ".away")
            let isTold = try await eventually {
                try await server.get("/metrics", token: "").text.contains("viridian_journal_writable 0\n") ? true : nil
            }
            #expect(isTold == true)
            try FileManager.default.moveItem(atPath: folder.journal + ".away", toPath: folder.journal)
        }
    }

    @Test("metrics are shown while the journal does not answer, soon, and to nobody before the first token")
    func silentJournal() async throws {
        let began = ContinuousClock.now
        let silent = Authenticator(journal: Journal(SilentJournal()), clock: SystemClock())
        let isShown = await silent.hasHadTokens()
        #expect(isShown)
        #expect(began.duration(to: .now) < SilentJournal.silence)
        try await withServer(hasToken: false) { server in
            let isShown = await server.services.authenticator.hasHadTokens()
            #expect(!isShown)
            _ = try await server.token(.viewer)
            let isShownThen = await server.services.authenticator.hasHadTokens()
            #expect(isShownThen)
        }
    }
}

/// A database that says after a long time that it cannot be reached.
private struct SilentJournal: JournalDatabase {
    static let silence = Duration.seconds(60)

    let name = "postgresql://db/viridian"
    let isShared = true
    let senderLock: String? = nil

    func read<Value: Sendable>(_ body: @escaping @Sendable (any DatabaseConnection) throws -> Value)
        async throws(JournalError) -> Value
    { throw await outage() }

    func write<Value: Sendable>(_ body: @escaping @Sendable (any DatabaseConnection) throws -> Value)
        async throws(JournalError) -> Value
    { throw await outage() }

    func checkWritable() async throws(JournalError) { throw await outage() }

    func openChangeSource() throws(JournalError) -> any ChangeSource {
        throw JournalError(journal: name, kind: .unreachable("no answer"))
    }

    private func outage() async -> JournalError {
        try? await Task.sleep(for: Self.silence)
        return JournalError(journal: name, kind: .unreachable("no answer"))
    }
}
