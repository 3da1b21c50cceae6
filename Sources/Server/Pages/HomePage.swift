import Controller
import Foundation
import Hummingbird
import HummingbirdCore
import Journal
import ReleaseMachine

extension Pages {
    /// `/`: every app with its two lanes; what awaits a person comes first.
    @Sendable func home(_ request: Request, _ context: ServerContext) async throws -> Response {
        let identity = try context.require(.viewer)
        var entries: [HomePage.Entry] = []
        for app in await services.board.apps() where identity.sees(app.app) {
            // A release that ended since the last look, run by whomever, has changed what there is to see.
            await services.lookout.begin(at: app.app)
            entries.append(
                HomePage.Entry(
                    app: app, latest: await services.board.latest(app.app), mayRelease: identity.mayRelease(app.app)))
        }
        let query = request.uri.queryParameters["q"].map(String.init)?.removingPercentEncoding
        // A page that is open asks again for the apps that changed, not for all.
        let only = request.uri.queryParameters["only"].map { Set($0.split(separator: ",").map(String.init)) }
        let home = HomePage(entries: entries, query: query, only: only, now: services.clock.now)
        return respond(home.page, request, context)
    }
}

struct HomePage {
    struct Entry {
        var app: AppView
        var latest: Release?
        var mayRelease: Bool
    }

    var entries: [Entry]
    var query: String?
    var only: Set<String>?
    var now: Timestamp

    var page: Pages.Page {
        let words = (query ?? "").trimmingCharacters(in: .whitespaces).lowercased()
        let shown = entries.filter { words.isEmpty || $0.app.app.contains(words) }
        let awaiting = entries.filter { $0.latest?.state == .paused }
        let running = entries.filter { $0.latest?.state == .running }
        var model = Model()
        model["q"] = words.isEmpty ? nil : words
        model["hasAwaiting"] = !awaiting.isEmpty
        model["awaiting"] = awaiting.compactMap { entry in
            entry.latest.map { Self.awaiting($0, entry.mayRelease, now: now) }
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
            favicon: Words.favicon(worst)
        )
    }

    private func heading(_ shown: Int) -> String {
        let running = entries.count { $0.latest?.state == .running }
        let all = shown == entries.count ? counted(shown, "app") : "\(shown) of \(counted(entries.count, "app"))"
        return running == 0 ? all : "\(all), \(running) releasing"
    }

    /// A release that waits for a word, with what there is to decide.
    static func awaiting(_ release: Release, _ may: Bool, now: Timestamp) -> Model {
        let order = release.order
        return Model {
            $0["app"] = order.app
            $0["name"] = order.name
            $0["href"] = "/apps/\(order.app)/releases/\(order.number)"
            $0["version"] = order.version
            $0["color"] = release.candidate?.rawValue
            $0["by"] = order.requestedBy
            $0["reason"] = order.reason
            $0["ago"] = Words.ago(release.createdAt, now: now)
            $0["preview"] = Words.preview(order.rules.previewURL)
            $0["deadline"] = Words.deadline(release, now: now)
            $0["may"] = may
        }
    }

    private func row(_ entry: Entry) -> Model {
        let app = entry.app
        let lanes = Lanes(app, latest: entry.latest)
        return Model { model in
            lanes.fillLanes(&model, now: now)
            model["app"] = app.app
            model["nodes"] =
                app.astray.isEmpty
                ? "\(counted(app.nodes.count, "node")): \(lanes.nodeWords)"
                : "\(app.astray.count) of \(counted(app.nodes.count, "node")) not as they should be"
            model["nodesClass"] = app.astray.isEmpty ? "soft" : "trouble"
            model["trouble"] = app.trouble.map { $0.cut(160) }
            model["release"] = entry.latest.map { release in
                Model {
                    $0["name"] = release.order.name
                    $0["href"] = "/apps/\(app.app)/releases/\(release.order.number)"
                    $0["badge"] = Words.badge(release)
                    let why = release.isBackingOut ? Words.why(release) : release.order.reason
                    let ago = Words.ago(release.endedAt ?? release.createdAt, now: now)
                    $0["words"] =
                        "\(release.order.requestedBy), \(ago) ago" + (why.map { ": \($0.cut(120))" } ?? "")
                }
            }
        }
    }
}

extension HomePage.Entry {
    /// What a person has to look at comes before what goes on by itself, and that before what rests.
    fileprivate var urgency: Int {
        if latest?.state == .paused { return 0 }
        if latest?.state == .running { return 1 }
        if !app.astray.isEmpty || app.trouble != nil || latest?.needRepair.isEmpty == false { return 2 }
        return 3
    }
}
