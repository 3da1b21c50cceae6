import Controller
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdCore
import Journal
import NIOCore
import ReleaseMachine

/// Releases: list, show, start, promote, abort, roll back.
extension API {
    @Sendable func listReleases(_ request: Request, _ context: ServerContext) async throws -> Response {
        let app = try app(context)
        let limit = try request.integer("limit", 1...200) ?? 20
        let before = try request.integer("before", 1...Int.mostInJSON)
        let found = try await services.journal.releases(app: app, limit: limit + 1, before: before)
        let page = found.prefix(limit)
        let answer = ReleaseList(
            releases: page.map { ReleaseView($0) }, next: found.count > limit ? page.last?.order.number : nil)
        return .json(answer)
    }

    @Sendable func showRelease(_ request: Request, _ context: ServerContext) async throws -> Response {
        let release = try await release(context)
        let body = ByteBuffer(string: try ReleaseView(release).jsonLine() + "\n")
        let tag = "\(release.order.name)-\(release.sequence)".replacing("/", with: "-")
        return .tagged(body, tag: tag, for: request)
    }

    @Sendable func deploy(_ request: Request, _ context: ServerContext) async throws -> Response {
        let app = try app(context)
        let fields = try BodyFields(
            request, context,
            known: ["version", "image", "replicas", "verify", "reason", "commitTime", "removeStrays", "override"])
        guard let version = try fields.string("version") else {
            throw APIError.invalid("version", "version is missing: the tag of the image to release")
        }
        let image = try fields.string("image")
        let replicas = try fields.integer("replicas")
        let verify = try fields.flag("verify")
        let reason = try fields.string("reason")
        let commitTime = try fields.string("commitTime")
        let removeStrays = try fields.flag("removeStrays")
        let overridesHolds = try fields.flag("override") ?? false
        let identity = try context.require(.deployer, for: app)
        let start = { @Sendable [services] (key: KeyedRequest?) in
            try await services.releaseService(context).deploy(
                app, version: version, image: image, replicas: replicas, verify: verify, reason: reason,
                commitTime: commitTime, removeStrays: removeStrays, overridesHolds: overridesHolds, request: key)
        }
        guard let key = HTTPField.Name("Idempotency-Key").flatMap({ request.headers[$0] }) else {
            return started(try await start(nil))
        }
        try Idempotency.check(key)
        let keyed = KeyedRequest(owner: identity.id, key: key, hash: try fields.hash(app))
        let (release, isRepeated) = try await idempotency.once(keyed, app: app) { number in
            try await services.apps.releases(app).release(number)
        } _: {
            try await start(keyed)
        }
        var response = started(release)
        if isRepeated, let name = HTTPField.Name("Idempotent-Replayed") { response.headers[name] = "true" }
        return response
    }

    private func started(_ release: Release) -> Response {
        var response = Response.json(ReleaseView(release), status: .created)
        response.headers[.location] = "/api/v1/apps/\(release.order.app)/releases/\(release.order.number)"
        return response
    }

    @Sendable func promote(_ request: Request, _ context: ServerContext) async throws -> Response {
        let app = try app(context)
        let number = try context.number("number")
        let fields = try BodyFields(request, context, known: ["override", "reason"])
        let (overridesApprovals, reason) = (try fields.flag("override") ?? false, try fields.string("reason"))
        try context.require(.deployer, for: app)
        _ = try await release(context)
        let release = try await services.releaseService(context).promote(
            app, number, overridesApprovals: overridesApprovals, reason: reason)
        return .json(ReleaseView(release), status: .accepted)
    }

    @Sendable func abort(_ request: Request, _ context: ServerContext) async throws -> Response {
        let app = try app(context)
        let number = try context.number("number")
        let reason = try BodyFields(request, context, known: ["reason"]).string("reason")
        try context.require(.deployer, for: app)
        _ = try await release(context)
        return .json(
            ReleaseView(try await services.releaseService(context).abort(app, number, reason: reason)),
            status: .accepted)
    }

    @Sendable func rollback(_ request: Request, _ context: ServerContext) async throws -> Response {
        let app = try app(context)
        let fields = try BodyFields(request, context, known: ["to", "reason"])
        let (version, reason) = (try fields.string("to"), try fields.string("reason"))
        let release = try await services.releaseService(context).rollback(app, to: version, reason: reason)
        return .json(ReleaseView(release), status: .accepted)
    }
}
