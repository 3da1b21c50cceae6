import Controller
import Hummingbird
import HummingbirdCore
import Journal
import ReleaseMachine

/// Who did what.
extension API {
    @Sendable func listAudit(_ request: Request, _ context: ServerContext) async throws -> Response {
        let identity = try context.require(.viewer)
        let limit = try request.integer("limit", 1...500) ?? 50
        let before = try request.integer("before", 1...Int.mostInJSON)
        let apps = try appInQuery(request, context).map { [$0] } ?? identity.apps
        let found = try await services.journal.audit(limit: limit + 1, before: before, apps: apps)
        let page = found.prefix(limit)
        return .json(AuditList(entries: page.map { AuditView($0) }, next: found.count > limit ? page.last?.id : nil))
    }
}

/// An entry of the audit log, as the outside sees it.
package struct AuditView: Codable, Sendable, Hashable {
    package var id: Int
    package var at: String
    package var who: String
    /// The id of the token: its name is not unique. Absent for what was done on the command line.
    package var token: String?
    package var action: String
    package var app: String?
    package var release: Int?
    package var origin: String
    package var reason: String?
    package var outcome: String
    package var detail: String?

    package init(_ entry: AuditEntry) {
        id = entry.id
        at = entry.at.iso8601
        who = entry.who
        token = entry.token
        action = entry.action
        app = entry.app
        release = entry.release
        origin = entry.origin
        reason = entry.reason
        outcome = entry.outcome.rawValue
        detail = entry.detail
    }
}
