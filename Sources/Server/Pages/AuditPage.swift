import Controller
import Foundation
import Hummingbird
import HummingbirdCore
import Journal
import ReleaseMachine

extension Pages {
    /// `/audit`: who did what, when, from where and why.
    @Sendable func showAudit(_ request: Request, _ context: ServerContext) async throws -> Response {
        let identity = try context.require(.viewer)
        let query = request.uri.queryParameters
        let before = query["before"].flatMap { Int($0) }
        let app = query["app"].map(String.init)?.removingPercentEncoding.flatMap { $0.isEmpty ? nil : $0 }
        if let app { try context.require(.viewer, for: app) }
        let found = try await services.journal.audit(
            limit: AuditPage.length + 1, before: before, apps: app.map { [$0] } ?? identity.apps)
        let page = AuditPage(entries: found, app: app, now: services.clock.now)
        return respond(page.page, request, context)
    }
}

struct AuditPage {
    static let length = 100

    /// The entries to show, and one more when there is another page.
    var entries: [AuditEntry]
    var app: String?
    var now: Timestamp

    var page: Pages.Page {
        let shown = entries.prefix(AuditPage.length)
        var model = PageValues()
        model["appFilter"] = app
        model["hasRows"] = !shown.isEmpty
        let filter = app.map { "&app=\(ReleaseLog.View.escaped($0))" } ?? ""
        model["older"] = entries.count > shown.count ? shown.last.map { "/audit?before=\($0.id)\(filter)" } : nil
        model["rows"] = shown.map(row)
        return Pages.Page(template: "audit", title: "Audit", section: .audit, model: model)
    }

    private func row(_ entry: AuditEntry) -> PageValues {
        PageValues {
            $0["iso"] = entry.at.iso8601
            $0["when"] = DisplayText.when(entry.at, now: now, seconds: true)
            $0["by"] = entry.who
            $0["action"] = entry.action.replacing("-", with: " ").replacing(".", with: ": ")
            $0["isRefused"] = entry.outcome == .refused
            $0["target"] = target(entry)
            $0["href"] = entry.app.map { app in entry.release.map { "/apps/\(app)/releases/\($0)" } ?? "/apps/\(app)" }
            $0["detail"] = entry.detail
            $0["reason"] = entry.reason
            $0["from"] = entry.origin
        }
    }

    private func target(_ entry: AuditEntry) -> String? {
        entry.app.map { app in entry.release.map { "\(app)/\($0)" } ?? app }
    }
}
