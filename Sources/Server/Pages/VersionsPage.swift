import Controller
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdCore
import Journal
import ReleaseMachine

extension Pages {
    /// `/apps/{app}/versions`: what was pushed and can be released.
    @Sendable func showVersions(_ request: Request, _ context: ServerContext) async throws -> Response {
        let app = try visibleApp(context)
        let place = request.uri.queryParameters["before"].map(String.init)?.removingPercentEncoding
            .flatMap { Journal.VersionPlace(cursor: $0) }
        let page = await VersionsPage(
            app: app,
            list: try services.versions(of: app, limit: VersionsPage.length, after: place),
            isFirst: place == nil,
            mayRelease: context.identity?.mayRelease(app) ?? false,
            now: services.clock.now)
        return respond(page.page, request, context)
    }
}

struct VersionsPage {
    static let length = 50

    var app: String
    var list: VersionList
    var isFirst: Bool
    var mayRelease: Bool
    var now: Timestamp

    var page: Pages.Page {
        var model = PageValues()
        model["app"] = app
        model["hasVersions"] = !list.versions.isEmpty
        model["versions"] = VersionsPage.rows(list.versions, of: app, mayRelease: mayRelease, now: now)
        model["newest"] = isFirst ? nil : "/apps/\(app)/versions"
        model["older"] = list.next.map { "/apps/\(app)/versions?before=\(ReleaseLog.View.escaped($0))" }
        return Pages.Page(template: "versions", title: "Versions of \(app)", section: .apps, model: model)
    }

    /// Rows of a table of versions.
    static func rows(_ versions: [VersionView], of app: String, mayRelease: Bool, now: Timestamp) -> [PageValues] {
        versions.map { version in
            PageValues {
                $0["version"] = version.version
                $0["badge"] = badge(version.state)
                $0["release"] = version.release.map { number in
                    PageValues {
                        $0["name"] = "\(app)/\(number)"
                        $0["href"] = "/apps/\(app)/releases/\(number)"
                    }
                }
                $0["digest"] = version.digest.map { String($0.drop { $0 != ":" }.dropFirst().prefix(12)) }
                $0["wholeDigest"] = version.digest
                $0["commit"] = version.commit.map { commit in
                    PageValues {
                        $0["text"] = String(commit.prefix(7))
                        $0["href"] = commitURL(version.repository, commit)
                    }
                }
                let pushed = Timestamp(iso8601: version.pushedAt).flatMap { $0.milliseconds > 0 ? $0 : nil }
                $0["iso"] = pushed?.iso8601
                $0["when"] = pushed.map { DisplayText.when($0, now: now) } ?? "not known"
                $0["source"] = version.source
                $0["label"] = label(version, pushed, now: now)
                $0["choose"] =
                    mayRelease && ![.live, .releasing].contains(version.state)
                    ? "/apps/\(app)?version=\(ReleaseLog.View.escaped(version.version))#deploy" : nil
            }
        }
    }

    /// Beside a version in the list of a field: `available, 1a2b3c4, 25 Oct 14:34, registry`.
    private static func label(_ version: VersionView, _ pushed: Timestamp?, now: Timestamp) -> String {
        let parts = [
            text(version.state), version.commit.map { String($0.prefix(7)) },
            pushed.map { DisplayText.when($0, now: now) }, version.source,
        ]
        return parts.compactMap(\.self).joined(separator: ", ")
    }

    private static func badge(_ state: VersionState) -> PageValues {
        let (style, icon) =
            switch state {
            case .live: ("live", "check")
            case .releasing: ("running", "run")
            case .queued, .held: ("paused", "wait")
            case .rolledBack: ("rolledBack", "back")
            case .failed: ("failed", "cross")
            case .older: ("superseded", "past")
            case .available: ("available", "wait")
            }
        return DisplayText.badge(style, text(state), icon)
    }

    private static func text(_ state: VersionState) -> String { state == .rolledBack ? "rolled back" : state.rawValue }

    /// The commit's page at GitHub, GitLab or Gitea.
    static func commitURL(_ repository: String?, _ commit: String) -> String? {
        guard let repository, repository.hasPrefix("https://") || repository.hasPrefix("http://"),
            commit.utf8.allSatisfy({ $0 < 0x80 && Character(UnicodeScalar($0)).isHexDigit })
        else { return nil }
        let base = repository.hasSuffix(".git") ? String(repository.dropLast(4)) : repository
        return "\(base.hasSuffix("/") ? String(base.dropLast()) : base)/commit/\(commit)"
    }
}
