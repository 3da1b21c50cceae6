import Foundation
import Kubernetes
import TestSupport
import Testing

extension ShortCommands {
    /// A backup is restored that does not have the newest release. The cluster knows better.
    @Suite struct RestoredJournalTests {
        @Test("check, status and a server say that the journal has gone back, until the loss is accepted")
        func olderBackup() async throws {
            try await withWorld { world in
                try await world.release("v1")
                let backup = try await world.viridian("journal", "backup", "older.sqlite")
                #expect(backup.status == 0, "\(backup)")
                try await world.release("v2")
                let token = try await world.token()
                let before = try await world.viridian("check")
                #expect(before.status == 0, "\(before)")
                let restored = try await world.viridian("journal", "restore", "older.sqlite", "--force")
                #expect(restored.status == 0, "\(restored)")

                let check = try await world.viridian("check")
                #expect(check.status == 1, "\(check)")
                let bad = check.lines.filter { $0.hasPrefix("bad") }
                #expect(bad.count == 1 && bad[0].contains("blog: the journal has gone back: it had"), "\(check)")
                #expect(bad.first?.contains(". To fix: bring back the journal that has these events") == true)
                #expect(bad.first?.contains("viridian journal accept blog --reason R") == true, "\(check)")
                let status = try await world.viridian("status")
                #expect(status.output.contains("→ the journal has gone back: it had acknowledged event"), "\(status)")
                // The tokens of the backup's time, of which there was none.
                _ = token
                let now = try await world.token()
                try await world.serving { server in
                    let isTold = try await eventually(within: .seconds(600)) {
                        let said = try await server.json("/api/v1/apps/blog", now)
                        return said["advice"]?.array?.first?.string?.hasPrefix("the journal has gone back") == true
                    }
                    #expect(isTold)
                }
                let accepted = try await world.viridian("journal", "accept", "blog", "--reason", "it is gone")
                #expect(accepted.status == 0, "\(accepted)")
                let after = try await world.viridian("check")
                #expect(!after.output.contains("has gone back"), "\(after)")
            }
        }

        @Test("a journal whose address cannot be is bad in check, with one thing to do", .needsPostgreSQL)
        func address() async throws {
            try await withWorld { world in
                try world.keepJournal(at: "postgresql://127.0.0.1:port/viridian")
                let check = try await world.viridian("check")
                let bad = check.lines.filter { $0.hasPrefix("bad") && $0.contains("journal") }
                #expect(check.status == 1 && bad.count == 1, "\(check)")
                #expect(bad.first?.contains("its URI cannot be read (a port is not a number") == true, "\(check)")
                #expect(bad.first?.contains("To fix") == false, "\(check)")
            }
        }
    }
}
