import Controller
import Foundation
import Hummingbird
import HummingbirdCore
import ReleaseMachine
import ViridianConfiguration

/// Locks: no release starts while one holds. They never stand in the way of promote, abort, rollback and repair.
extension API {
    @Sendable func listLocks(_ request: Request, _ context: ServerContext) async throws -> Response {
        await .json(try services.lockService(context).holding())
    }

    @Sendable func createLock(_ request: Request, _ context: ServerContext) async throws -> Response {
        let fields = try BodyFields(request, context, known: ["app", "reason", "until", "for", "automatic"])
        let app = try fields.string("app")
        let reason = try fields.string("reason")
        let (until, length) = (try fields.string("until"), try fields.string("for"))
        let isAutomatic = try fields.flag("automatic") ?? false
        let lock = try await services.lockService(context).lock(
            { now in
                try WantedLock(
                    app: app, reason: reason, until: try end(until, length, now), isAutomatic: isAutomatic, at: now)
            }, app)
        var response = Response.json(LockView(lock), status: .created)
        response.headers[.location] = "/api/v1/locks/\(lock.id)"
        return response
    }

    @Sendable func deleteLock(_ request: Request, _ context: ServerContext) async throws -> Response {
        _ = try await services.lockService(context).unlock(try context.parameter("id"))
        return Response(status: .noContent)
    }

    private func end(_ until: String?, _ length: String?, _ now: Timestamp) throws(APIError) -> Timestamp? {
        switch (until, length) {
        case (nil, nil): return nil
        case (let text?, nil):
            guard let time = Timestamp(iso8601: text) else {
                throw .invalid("until", "until has to be a time such as 2015-10-25T14:34:03Z")
            }
            return time
        case (nil, let text?):
            guard let length = Duration(text: text), length > .zero else {
                throw .invalid("for", "for has to be a duration such as 30m or 2h, of at most a year")
            }
            return now + length
        case (.some, .some): throw .invalid("for", "only one of until and for can be given")
        }
    }
}

/// A lock, as the outside sees it.
package struct LockView: Codable, Sendable, Hashable {
    package var id: String
    /// Absent: all apps.
    package var app: String?
    package var reason: String
    package var by: String
    package var since: String
    /// When it ends by itself; absent: when somebody unlocks.
    package var until: String?
    /// It holds only releases that start by themselves.
    package var automatic: Bool

    package init(_ lock: ReleaseLock) {
        id = lock.id
        app = lock.app
        reason = lock.reason
        by = lock.by
        since = lock.since.iso8601
        until = lock.until?.iso8601
        automatic = lock.isAutomatic
    }
}

/// A freeze window that is closed now.
package struct FreezeView: Codable, Sendable, Hashable {
    package var name: String
    /// Absent: all apps.
    package var apps: [String]?
    package var reason: String?
    package var until: String

    /// `nil`: the window is open.
    package init?(_ window: FreezeWindow, at now: Timestamp) {
        guard let until = window.closedUntil(now, app: window.apps?.first ?? "") else { return nil }
        name = window.name
        apps = window.apps
        reason = window.reason
        self.until = until.iso8601
    }
}

/// What holds releases now.
package struct LockList: Codable, Sendable {
    /// The oldest first.
    package var locks: [LockView]
    package var freezes: [FreezeView]

    package init(locks: [LockView], freezes: [FreezeView]) {
        self.locks = locks
        self.freezes = freezes
    }
}
