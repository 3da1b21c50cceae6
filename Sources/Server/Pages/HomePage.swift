import Controller
import Foundation
import Hummingbird
import HummingbirdCore
import Journal
import ReleaseMachine

extension Pages {
    /// `/`: every app with both colours; releases that await promotion come first.
    @Sendable func home(_ request: Request, _ context: ServerContext) async throws -> Response {
        let identity = try context.require(.viewer)
        var entries: [HomePage.Entry] = []
        for app in await services.appStates.apps() where identity.sees(app.app) {
            // A release that ended since the last check has changed the state.
            await services.driftMonitor.beginCheck(app.app)
            entries.append(
                HomePage.Entry(
                    app: app, latest: await services.appStates.latest(app.app), user: identity
                ))
        }
        let query = request.uri.queryParameters["q"].map(String.init)?.removingPercentEncoding
        // An open page requests only the apps that changed.
        let only = request.uri.queryParameters["only"].map { Set($0.split(separator: ",").map(String.init)) }
        let home = HomePage(entries: entries, query: query, only: only, now: services.clock.now)
        return respond(home.page, request, context)
    }
}

struct HomePage {
    struct Entry {
        var app: AppView
        var latest: Release?
        var user: Identity?
    }

    var entries: [Entry]
    var query: String?
    var only: Set<String>?
    var now: Timestamp

    var page: Pages.Page {
        let search = (query ?? "").trimmingCharacters(in: .whitespaces).lowercased()
        let shown = entries.filter { entry in
            search.isEmpty || entry.app.app.contains(search) || entry.app.cluster?.contains(search) == true
        }
        let awaiting = entries.filter { $0.latest?.state == .paused }
        let running = entries.filter { $0.latest?.state == .running }
        var model = PageValues()
        model["q"] = search.isEmpty ? nil : search
        model["hasAwaiting"] = !awaiting.isEmpty
        model["awaiting"] = awaiting.compactMap { entry in
            entry.latest.map { Self.awaiting($0, entry.user, now: now) }
        }
        model["count"] = heading(shown.count)
        model["apps"] = shown.filter { only?.contains($0.app.app) ?? true }.sorted { $0.urgency < $1.urgency }
            .map(row)
        let worst = awaiting.isEmpty ? running.isEmpty ? nil : Release.State.running : Release.State.paused
        return Pages.Page(
            template: "home",
            title: awaiting.isEmpty ? "Apps" : "(\(awaiting.count)) Apps",
            section: .apps,
            model: model,
            stream: "/api/v1/events",
            refresh: running.isEmpty ? 30 : 5,
            favicon: DisplayText.favicon(worst)
        )
    }

    private func heading(_ shown: Int) -> String {
        let running = entries.count { $0.latest?.state == .running }
        let all = shown == entries.count ? counted(shown, "app") : "\(shown) of \(counted(entries.count, "app"))"
        return running == 0 ? all : "\(all), \(running) releasing"
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
                ? "\(counted(app.nodes.count, "node")): \(traffic.routing)"
                : "\(app.drifted.count) of \(counted(app.nodes.count, "node")) drifted"
            model["nodesClass"] = app.drifted.isEmpty ? "soft" : "problem"
            model["problem"] = app.problem.map { $0.cut(160) }
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

extension HomePage.Entry {
    /// The order of the list: awaiting promotion, running, with a problem, everything else.
    fileprivate var urgency: Int {
        if latest?.state == .paused { return 0 }
        if latest?.state == .running { return 1 }
        if !app.drifted.isEmpty || app.problem != nil || latest?.needRepair.isEmpty == false { return 2 }
        return 3
    }
}
