import Controller
import Foundation
import Hummingbird
import HummingbirdCore
import Journal
import ReleaseMachine

extension Pages {
    /// `/`: the apps with both colours; releases that await promotion come first.
    @Sendable func home(_ request: Request, _ context: ServerContext) async throws -> Response {
        let identity = try context.require(.viewer)
        let query = request.uri.queryParameters["q"].map(String.init)?.removingPercentEncoding
        let start = request.uri.queryParameters["from"].flatMap { Int($0) } ?? 0
        // An open page requests only the apps that changed.
        let only = request.uri.queryParameters["only"].map { Set($0.split(separator: ",").map(String.init)) }
        let items = await services.appStates.items().filter { identity.sees($0.name) }
        var home = HomePage(
            index: AppIndex(items, query: query, from: start), only: only, user: identity, now: services.clock.now)
        for app in home.needed {
            // A release that ended since the last check has changed the state.
            await services.driftMonitor.beginCheck(app)
        }
        for (app, latest) in await services.appStates.apps(home.needed) {
            home.entries[app.app] = HomePage.Entry(app: app, latest: latest)
        }
        return respond(home.page, request, context)
    }
}

struct HomePage {
    struct Entry {
        var app: AppView
        var latest: Release?
    }

    var index: AppIndex
    var only: Set<String>?
    var user: Identity?
    var now: Timestamp
    /// The apps that are shown, by name.
    var entries: [String: Entry] = [:]

    /// The names of the apps that are shown.
    var needed: [String] {
        let rows = index.shown.map(\.name).filter { only?.contains($0) ?? true }
        let known = Set(rows)
        return rows + index.awaiting.map(\.name).filter { !known.contains($0) }
    }

    var page: Pages.Page {
        let awaiting = index.awaiting.compactMap { entries[$0.name]?.latest }.filter { $0.state == .paused }
        var model = PageValues()
        model["q"] = index.search.isEmpty ? nil : index.search
        model["from"] = index.shown.startIndex > 0 ? index.shown.startIndex : nil
        model["isPart"] = index.isPart
        model["more"] = index.next
        model["hasAwaiting"] = !awaiting.isEmpty
        model["awaiting"] = awaiting.map { Self.awaiting($0, user, now: now) }
        model["count"] = index.heading
        model["apps"] = index.shown.filter { only?.contains($0.name) ?? true }.compactMap { entries[$0.name] }.map(row)
        let worst = awaiting.isEmpty ? index.running == 0 ? nil : Release.State.running : Release.State.paused
        return Pages.Page(
            template: "home",
            title: awaiting.isEmpty ? "Apps" : "(\(awaiting.count)) Apps",
            section: .apps,
            model: model,
            stream: "/api/v1/events",
            refresh: index.running == 0 ? 30 : 5,
            favicon: DisplayText.favicon(worst)
        )
    }

    /// A release that awaits promotion, and what the user can do with it.
    static func awaiting(_ release: Release, _ user: Identity?, now: Timestamp) -> PageValues {
        let order = release.order
        return PageValues {
            $0["app"] = order.app
            $0["name"] = order.name
            $0["href"] = "/apps/\(order.app)/releases/\(order.number)"
            $0["version"] = order.version
            $0["color"] = release.candidate?.rawValue
            $0["by"] = order.requestedBy
            $0["reason"] = order.reason
            $0["ago"] = DisplayText.ago(release.createdAt, now: now)
            $0["preview"] = DisplayText.preview(order.rules.previewURL)
            $0["deadline"] = DisplayText.deadline(release, now: now)
            $0["mayAbort"] = user?.mayRelease(order.app) ?? false
            PromotionOffer(release, by: user, now: now).fill(&$0)
        }
    }

    private func row(_ entry: Entry) -> PageValues {
        let app = entry.app
        let traffic = TrafficDiagram(app, latest: entry.latest)
        return PageValues { model in
            traffic.fillColors(&model, now: now)
            model["app"] = app.app
            model["cluster"] = app.cluster
            model["nodes"] =
                app.drifted.isEmpty
                ? traffic.summary
                : "\(app.drifted.count) of \(counted(app.nodes.count, "node")) drifted"
            model["nodesClass"] = app.drifted.isEmpty ? "soft" : "problem"
            // The reason is at the end of it.
            model["problem"] = app.problem.map { $0.cut(600) }
            model["hold"] = app.holds.first.map { $0.sentence.cut(160) }
            model["queued"] = app.queued.map { queued in
                let why = app.holds.contains { $0.sentence == queued.waits } ? "" : ": \(queued.waits)"
                return "\(queued.version) is in the queue\(why)".cut(160)
            }
            model["release"] = entry.latest.map { release in
                PageValues {
                    $0["name"] = release.order.name
                    $0["href"] = "/apps/\(app.app)/releases/\(release.order.number)"
                    $0["badge"] = DisplayText.badge(release)
                    let why = release.isBackingOut ? DisplayText.why(release) : release.order.reason
                    let ago = DisplayText.ago(release.endedAt ?? release.createdAt, now: now)
                    $0["summary"] =
                        "\(release.order.requestedBy), \(ago) ago" + (why.map { ": \($0.cut(120))" } ?? "")
                }
            }
        }
    }
}
