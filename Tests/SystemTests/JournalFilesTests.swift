import Foundation
import Testing

extension ShortCommands {
    /// What the built program does with files of the journal, and with what it prints of it.
    @Suite struct JournalFilesTests {
        /// An installation with a journal in which there is something.
        private func withJournal(_ body: (Program) async throws -> Void) async throws {
            try await inAnEmptyFolder { viridian in
                let folder = viridian.directory
                try FileManager.default.createDirectory(atPath: folder + "/apps", withIntermediateDirectories: true)
                try Data("nodes: {inventory: static, static: [127.0.0.9]}\n".utf8)
                    .write(to: URL(filePath: folder + "/viridian.yaml"))
                let app =
                    "app: blog\nimage: registry.local:5000/blog\nports: {container: 9000, blue: 30000, green: 30001}\n"
                try Data(app.utf8).write(to: URL(filePath: folder + "/apps/blog.yaml"))
                let created = try await viridian("token", "create", "--name", "ci", "--role", "viewer")
                #expect(created.status == 0, "\(created)")
                try await body(viridian)
            }
        }

        /// Runs a line of shell in which `viridian` is the built program.
        private func shell(_ line: String, _ viridian: Program) async throws -> Program.Said {
            var shell = viridian
            shell.executable = "/bin/sh"
            return try await shell.run(["-c", "viridian() { \"$0\" \"$@\"; }; \(line)", viridian.executable])
        }

        @Test(
            "what cannot be printed is an error, wherever standard output leads",
            arguments: [
                "journal export", "journal check", "journal check -o json", "audit", "audit -o json", "token list",
                "render rbac blog",
            ])
        func output(_ words: String) async throws {
            try await withJournal { viridian in
                for (target, reason) in [(">/dev/full", "No space left on device"), (">&-", "it is closed")] {
                    let said = try await shell("viridian \(words) \(target)", viridian)
                    #expect(said.status == 1, "\(target): \(said)")
                    let sentence =
                        "viridian: standard output cannot be written: \(reason): what was printed is not complete"
                    #expect(said.errorLines.contains(sentence), "\(target): \(said)")
                }
                let piped = try await shell("{ viridian \(words); echo \"rc $?\" >&2; } | true", viridian)
                #expect(piped.errorLines == ["rc 0"], "\(piped)")
                let check = try await viridian("journal", "check")
                #expect(check.status == 0, "\(check)")
            }
        }

        @Test("a backup that is made is made, also when nobody can be told")
        func backupWithoutOutput() async throws {
            try await withJournal { viridian in
                let said = try await shell("viridian journal backup b.sqlite >&-", viridian)
                #expect(said.status == 0, "\(said)")
                #expect(FileManager.default.fileExists(atPath: viridian.directory + "/b.sqlite"))
            }
        }

        @Test("a URI that names no database of PostgreSQL is refused as one, without its password, and is no file")
        func uris() async throws {
            try await withJournal { viridian in
                let uris = ["PostgreSQL://anna:secret@127.0.0.1/x", "mysql://anna:secret@db/x", "postgresql:secret"]
                for uri in uris {
                    let said = try await viridian("journal", "copy", uri)
                    #expect(said.status == 64, "\(said)")
                    #expect(said.error.contains("expected a path, or a URI that begins with postgresql://"), "\(said)")
                    #expect(!said.error.contains("secret") && said.output.isEmpty, "\(said)")
                }
                for uri in uris + ["postgresql://anna:secret@db/x"] {
                    for verb in ["backup", "restore"] {
                        let said = try await viridian("journal", verb, uri)
                        #expect(said.status == 64, "\(said)")
                        #expect(said.error.contains("expected a path, found a URI"), "\(said)")
                        #expect(!said.error.contains("secret") && said.output.isEmpty, "\(said)")
                    }
                }
                let names = try FileManager.default.contentsOfDirectory(atPath: viridian.directory)
                #expect(!names.contains { $0.contains("sql:") }, "\(names)")
            }
        }

        @Test("a backup that is larger than a file may be says so, and leaves nothing")
        func sizeLimit() async throws {
            try await withJournal { viridian in
                let said = try await shell("ulimit -f 64; viridian journal backup b.sqlite", viridian)
                let file = viridian.directory + "/b.sqlite"
                #expect(said.status == 1, "\(said)")
                #expect(
                    said.error.contains("b.sqlite was not written: it would be larger than the ")
                        && said.error.contains(" KiB that a file may have here (ulimit -f)"), "\(said)")
                #expect(!FileManager.default.fileExists(atPath: file))
            }
        }

        @Test("restore says of a file that is no backup that it is none, and leaves the journal")
        func emptyBackup() async throws {
            try await withJournal { viridian in
                let file = viridian.directory + "/empty"
                try Data().write(to: URL(filePath: file))
                let said = try await viridian("journal", "restore", "empty", "--force")
                #expect(said.status == 1 && said.output.isEmpty, "\(said)")
                #expect(
                    said.error.contains("empty is not a backup of a journal; the journal was not touched"), "\(said)")
                let audit = try await viridian("audit", "-o", "json").jsonLines
                #expect(audit.count == 1)
            }
        }
    }
}
