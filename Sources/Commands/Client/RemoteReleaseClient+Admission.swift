import Controller
import HTTPTransport
import Server
import ViridianConfiguration

/// Versions, the queue and locks, through the server's API.
extension RemoteReleaseClient {
    private struct LockBody: Encodable {
        var app: String?
        var reason: String
        var `for`: String?
        var automatic: Bool
    }

    func versions(of app: String, limit: Int) async throws -> [VersionView] {
        var versions: [VersionView] = []
        var before: String?
        repeat {
            let query =
                "?limit=\(min(500, limit - versions.count))"
                + (before.map { "&before=\(PercentEncoding.encode($0))" } ?? "")
            let answer = try await server.get(path(app, "/versions\(query)"), VersionList.self)
            versions += answer.versions
            before = answer.next
        } while before != nil && versions.count < limit
        return versions
    }

    func queue(of app: String?) async throws -> [QueueView] {
        let query = app.map { "?app=\(PercentEncoding.encode($0))" } ?? ""
        return try await server.get("/api/v1/queue\(query)", QueueList.self).queue
    }

    func dropQueued(_ app: String, by: String) async throws { try await server.delete(path(app, "/queue")) }

    func locks() async throws -> LockList { try await server.get("/api/v1/locks") }

    func lock(_ lock: NewLock, by: String) async throws -> LockView {
        let body = LockBody(
            app: lock.app, reason: lock.reason, for: lock.length.map(\.text), automatic: lock.isAutomatic)
        return try await server.post("/api/v1/locks", body)
    }

    func unlock(_ id: String, by: String) async throws {
        try await server.delete("/api/v1/locks/\(PercentEncoding.encode(id))")
    }
}
