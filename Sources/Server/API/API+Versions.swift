import Controller
import Hummingbird
import HummingbirdCore
import Journal
import ReleaseMachine

/// The versions of an app that can be released.
extension API {
    @Sendable func listVersions(_ request: Request, _ context: ServerContext) async throws -> Response {
        let app = try app(context)
        let limit = try request.integer("limit", 1...500) ?? 50
        let before = try request.uri.queryParameters["before"].map { text throws(APIError) in
            guard let place = Journal.VersionPlace(cursor: String(text)) else {
                throw .invalid("before", "before has to be the value of next on the page before")
            }
            return place
        }
        return await .json(try services.versions(of: app, limit: limit, after: before))
    }
}

extension Services {
    /// A page of the app's known versions, the newest arrival first.
    func versions(of app: String, limit: Int, after place: Journal.VersionPlace? = nil) async throws -> VersionList {
        let configuration = try apps.configuration(app)
        let found = try await journal.versions(app: app, limit: limit + 1, after: place)
        let states = VersionStates(try await queue.facts.admission(app))
        let page = found.prefix(limit)
        return VersionList(
            versions: page.map { VersionView($0, of: configuration, states) },
            next: found.count > limit ? page.last.map { Journal.VersionPlace($0).cursor } : nil)
    }
}

extension Journal.VersionPlace {
    /// As a value of `before`: readers do not look into it.
    var cursor: String { "\(pushedAt.milliseconds):\(version):\(digest ?? "")" }

    init?(cursor: String) {
        let parts = cursor.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, let milliseconds = Int64(parts[0]), milliseconds >= 0, !parts[1].isEmpty else {
            return nil
        }
        self.init(
            pushedAt: Timestamp(milliseconds: milliseconds), version: String(parts[1]),
            digest: parts[2].isEmpty ? nil : String(parts[2]))
    }
}

/// The newest arrival first. `next` is the value of `before` for the next page; `nil` on the last one.
package struct VersionList: Codable, Sendable {
    package var versions: [VersionView]
    package var next: String?
}
