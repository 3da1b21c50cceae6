import Controller
import Hummingbird
import HummingbirdCore
import Journal
import NIOCore
import ReleaseMachine
import ViridianConfiguration

/// What serves now.
extension API {
    @Sendable func listApps(_ request: Request, _ context: ServerContext) async throws -> Response {
        let identity = try context.require(.viewer)
        let (version, body) = try await services.appStates.encodedApps()
        guard let only = identity.apps else { return .tagged(body, tag: "\(life)-\(version)", for: request) }
        let seen = AppList(apps: await services.appStates.apps().filter { only.contains($0.app) })
        return .tagged(
            ByteBuffer(string: try seen.jsonLine()), tag: "\(life)-\(version)-\(identity.id)", for: request)
    }

    @Sendable func showApp(_ request: Request, _ context: ServerContext) async throws -> Response {
        let app = try app(context)
        // One app is checked for this answer, unless that was just done.
        await services.driftMonitor.check(app, unlessYoungerThan: .seconds(2))
        guard let view = await services.appStates.app(app) else { throw APIError.notFound("there is no app \(app)") }
        return .json(view)
    }
}
