import Foundation
import Journal
import JournalPostgreSQL
import ViridianConfiguration

extension Preflight {
    /// Whether the journal can be written, whether it is safe there, and from whom.
    func journal() async -> [Finding] {
        if let problem = installation.journalProblem { return [unwritable(problem)] }
        let uri = installation.configuration.journal
        if Journal.isPostgreSQL(uri) { return server(uri) }
        do throws(JournalError) {
            // One that was opened may be readable only.
            try await installation.journal.checkWritable()
            return [file(installation.journal.name)]
        } catch {
            return [unwritable(error.description)]
        }
    }

    private func unwritable(_ problem: String) -> Finding {
        Finding(state: .bad, what: problem, fix: "make the journal writable: no release can start until then")
    }

    private func file(_ path: String) -> Finding {
        let rights = (try? FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int) ?? 0o600
        guard rights & 0o077 != 0 else { return Finding(state: .ok, what: "journal \(path)") }
        return Finding(
            state: .warning,
            what: "journal \(path), which contains the audit log, is accessible to other users of this machine",
            fix: "chmod 600 \(path)*")
    }

    private func server(_ uri: String) -> [Finding] {
        do throws(JournalError) {
            return try PostgreSQLReport.read(uri).remarks.map {
                Finding(state: $0.isWarning ? .warning : .ok, what: $0.what, fix: $0.fix)
            }
        } catch {
            return [Finding(state: .bad, what: error.description)]
        }
    }
}
