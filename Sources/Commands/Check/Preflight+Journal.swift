import Controller
import Foundation
import Journal
import JournalPostgreSQL
import ViridianConfiguration

extension Preflight {
    /// Whether the journal can be written, whether it is safe there, and from whom.
    func journal() async -> [Finding] {
        if let problem = installation.journalProblem { return [unusable(problem)] }
        let uri = installation.configuration.journal
        if Journal.isPostgreSQL(uri) { return server(uri) }
        do throws(JournalError) {
            // One that was opened may be readable only.
            try await installation.journal.checkWritable()
            return [file(installation.journal.name)]
        } catch {
            return [unusable(error)]
        }
    }

    /// What the cluster knows of an app's journal that this one does not have: a release would be refused.
    func lostEvents(of app: AppConfiguration, by survey: ClusterSurvey?) async -> Finding? {
        let name = app.name.text
        guard let lost = try? await installation.releases(name).lostEnd(survey?.journal) else { return nil }
        return Finding(state: .bad, app: name, what: lost.sentence, fix: lost.fix)
    }

    private func unusable(_ problem: JournalError) -> Finding {
        let fix: String? =
            switch problem.kind {
            case .unreachable, .unknown: "see to the server of the database: no release can start until it answers"
            // The sentence itself says what to do.
            default: nil
            }
        return Finding(state: .bad, what: problem.description, fix: fix)
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
            return [unusable(error)]
        }
    }
}
