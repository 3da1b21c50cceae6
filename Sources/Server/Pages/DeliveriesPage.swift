import Controller
import Foundation
import Hummingbird
import HummingbirdCore
import Journal
import ReleaseMachine

extension Pages {
    /// `/deliveries`: what other systems and scripts told, and what became of each.
    @Sendable func showDeliveries(_ request: Request, _ context: ServerContext) async throws -> Response {
        let identity = try context.require(.viewer)
        let query = request.uri.queryParameters
        let before = query["before"].flatMap { Int($0) }
        let app = query["app"].map(String.init)?.removingPercentEncoding.flatMap { $0.isEmpty ? nil : $0 }
        if let app { try context.require(.viewer, for: app) }
        let found = try await services.journal.deliveries(
            limit: DeliveriesPage.length + 1, before: before, apps: app.map { [$0] } ?? identity.apps)
        let page = DeliveriesPage(
            deliveries: found.map { DeliveryView($0, apps: identity.apps) }, app: app, before: before,
            now: services.clock.now)
        return respond(page.page, request, context)
    }
}

struct DeliveriesPage {
    static let length = 100

    /// The deliveries to show, and one more when there is another page.
    var deliveries: [DeliveryView]
    var app: String?
    var before: Int?
    var now: Timestamp

    var page: Pages.Page {
        let shown = deliveries.prefix(DeliveriesPage.length)
        let filter = app.map { "app=\(ReleaseLog.View.escaped($0))" }
        var model = PageValues()
        model["appFilter"] = app
        model["hasRows"] = !shown.isEmpty
        model["rows"] = shown.map(row)
        func address(_ parameters: [String?]) -> String {
            let parts = parameters.compactMap(\.self)
            return "/deliveries" + (parts.isEmpty ? "" : "?" + parts.joined(separator: "&"))
        }
        model["newest"] = before == nil ? nil : address([filter])
        model["older"] =
            deliveries.count > shown.count ? shown.last.map { address(["before=\($0.id)", filter]) } : nil
        return Pages.Page(
            template: "deliveries", title: "Deliveries", section: .deliveries, model: model,
            refresh: before == nil ? 30 : nil)
    }

    private func row(_ delivery: DeliveryView) -> PageValues {
        PageValues {
            $0["id"] = delivery.id
            let at = Timestamp(iso8601: delivery.receivedAt) ?? now
            $0["iso"] = delivery.receivedAt
            $0["when"] = DisplayText.when(at, now: now, seconds: true)
            $0["sender"] = delivery.sender
            $0["kind"] = delivery.kind == delivery.sender ? nil : delivery.kind
            $0["from"] = delivery.origin
            $0["badge"] = badge(delivery.state)
            // What became of it for each app, or of it as a whole.
            $0["outcome"] = delivery.results.isEmpty ? delivery.outcome ?? "It is being acted on." : nil
            $0["results"] = delivery.results.map { result in
                PageValues {
                    $0["app"] = result.app
                    $0["appHref"] = "/apps/\(result.app)"
                    $0["version"] = result.version
                    $0["sentence"] = result.sentence
                    let number = result.release?.split(separator: "/").last
                    $0["releaseHref"] = number.map { "/apps/\(result.app)/releases/\($0)" }
                }
            }
        }
    }

    private func badge(_ state: DeliveryView.State) -> PageValues {
        switch state {
        case .received: DisplayText.badge("paused", "received", "wait")
        case .waiting: DisplayText.badge("paused", "waits", "wait")
        case .done: DisplayText.badge("live", "released", "check")
        case .ignored: DisplayText.badge("superseded", "ignored", "past")
        case .failed: DisplayText.badge("failed", "failed", "cross")
        }
    }
}
