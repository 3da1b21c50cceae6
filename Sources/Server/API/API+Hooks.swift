import Controller
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdCore
import Integrations
import Journal
import ReleaseMachine
import ViridianConfiguration

/// Deliveries of other systems: written down first, then answered, then acted on.
extension API {
    func receive(_ sender: HookSender) -> @Sendable (Request, ServerContext) async throws -> Response {
        { request, context in
            do {
                let (response, result) = try await receive(sender, request, context)
                count(sender.rawValue, result)
                return response
            } catch let error as APIError where [.unauthorized, .badRequest].contains(error.status) {
                count(sender.rawValue, error.code)
                throw error
            }
        }
    }

    /// `result` is how the delivery was answered.
    private func count(_ sender: String, _ result: String) {
        services.metrics.count("viridian_deliveries_total", ["sender": sender, "result": result])
    }

    private func receive(
        _ sender: HookSender, _ request: Request, _ context: ServerContext
    ) async throws -> (Response, result: String) {
        let settings = services.hookSettings
        guard settings.hooks.isOn(sender) else {
            throw APIError.notFound(
                "hooks.\(sender.rawValue) is not configured on this server: without a secret the hook is off")
        }
        let hook = HookRequest(request, context)
        if case .refused(let why) = sender.verify(hook, settings.hooks, at: services.clock.now) {
            services.noteRefusedHook(sender, why, from: context.remoteAddress)
            throw APIError(.unauthorized, "unauthorized", why)
        }
        let reading: HookReading
        do {
            reading = try sender.read(hook)
        } catch {
            throw APIError.malformed(error.description)
        }
        let concerned = reading.events.map { services.concernedApps.concerned(by: $0) }
        var ignored: String?
        if concerned.allSatisfy(\.apps.isEmpty) {
            let reasons = reading.ignored + concerned.map(\.why)
            ignored = reasons.isEmpty ? "nothing in it concerns an app" : reasons.joined(separator: "; ").safe.cut(1000)
        }
        let delivery = NewDelivery(
            at: services.clock.now, sender: sender.rawValue, key: reading.key, kind: reading.kind.safe.cut(100),
            origin: context.remoteAddress,
            events: try String(decoding: JSONEncoder().encode(reading.events), as: UTF8.self),
            outcome: ignored)
        let (id, cameBefore) = try await services.inbox.receive(delivery)
        if let ignored, !cameBefore { return (.json(DeliveryAnswer(delivery: id, ignored: ignored)), "ignored") }
        if cameBefore {
            let known = try services.journal.delivery(id).map { DeliveryView($0) }
            let repeated = DeliveryAnswer(
                delivery: id, releases: known?.releases ?? [],
                ignored: "this delivery came before: \(known?.outcome ?? "see the list of deliveries")")
            return (.json(repeated), "repeated")
        }
        let answer = answer(id, try await services.deliveries.delivery(id, within: settings.answerWithin))
        return (answer, answer.status == .accepted ? "accepted" : "ignored")
    }

    /// The plain call of scripts: with a deployer's token instead of a signature.
    @Sendable func call(_ request: Request, _ context: ServerContext) async throws -> Response {
        let fields = try BodyFields(
            request, context,
            known: ["app", "version", "image", "digest", "commit", "commitTime", "ref", "url", "reason"])
        guard let app = try fields.string("app") else { throw APIError.invalid("app", "app is missing") }
        guard let version = try fields.string("version") else {
            throw APIError.invalid("version", "version is missing: the tag of the image to release")
        }
        let identity = try context.require(.deployer, for: app)
        _ = try services.apps.configuration(app)
        let call = DeployCall(
            app: app,
            version: try Version(version).text,
            image: try fields.string("image").map { try ImageReference($0).description },
            digest: try fields.string("digest").map { try ImageReference("blog@\($0)").digest ?? $0 },
            commit: try fields.text("commit", most: 64),
            commitTime: try fields.string("commitTime").map { text in
                guard let time = Timestamp(iso8601: text) else {
                    throw APIError.invalid("commitTime", "commitTime has to be a time such as 2015-10-25T14:34:03Z")
                }
                return time
            },
            ref: try fields.text("ref", most: 250),
            url: try fields.text("url", most: 1000),
            reason: try fields.string("reason").map { try Reason($0).text },
            by: identity.name)
        var key: String?
        if let sent = HTTPField.Name("Idempotency-Key").flatMap({ request.headers[$0] }) {
            try Idempotency.check(sent)
            key = "\(identity.tokenID):\(sent)"
        }
        let delivery = NewDelivery(
            at: services.clock.now, sender: DeliveryProcessor.script, key: key, kind: "deploy",
            origin: context.remoteAddress, events: try call.jsonLine(), outcome: nil)
        let (id, _) = try await services.inbox.receive(delivery)
        let done = try await services.deliveries.delivery(id, within: services.hookSettings.callWithin)
        if let refused = done?.results.first(where: { $0.state == .refused }) {
            count(DeliveryProcessor.script, "refused")
            throw APIError(.conflict, "release_running", refused.sentence, release: refused.number)
        }
        let answer = answer(id, done)
        count(DeliveryProcessor.script, answer.status == .accepted ? "accepted" : "ignored")
        return answer
    }

    private func answer(_ id: Int, _ delivery: Delivery?) -> Response {
        guard let view = delivery.map({ DeliveryView($0) }) else {
            return .json(DeliveryAnswer(delivery: id), status: .accepted)
        }
        let isActedOn =
            view.state == .received || view.state == .waiting || view.results.contains { $0.state == .started }
        guard !isActedOn else {
            return .json(
                DeliveryAnswer(delivery: id, releases: view.started, queued: view.queued), status: .accepted)
        }
        return .json(
            DeliveryAnswer(delivery: id, releases: view.releases, ignored: view.outcome ?? "nothing became of it"))
    }

    // MARK: - Lists

    @Sendable func listDeliveries(_ request: Request, _ context: ServerContext) async throws -> Response {
        let identity = try context.require(.viewer)
        let limit = try request.integer("limit", 1...500) ?? 50
        let before = try request.integer("before", 1...Int.mostInJSON)
        let apps = try appInQuery(request, context).map { [$0] } ?? identity.apps
        let found = try services.journal.deliveries(limit: limit + 1, before: before, apps: apps)
        let page = found.prefix(limit)
        return .json(
            DeliveryList(
                deliveries: page.map { DeliveryView($0, apps: identity.apps) },
                next: found.count > limit ? page.last?.id : nil))
    }

    @Sendable func showDelivery(_ request: Request, _ context: ServerContext) async throws -> Response {
        let identity = try context.require(.viewer)
        let id = try context.parameter("id")
        guard let number = Int(id), number > 0, let delivery = try services.journal.delivery(number),
            identity.apps == nil || delivery.results.contains(where: { identity.sees($0.app) })
        else { throw APIError.notFound("there is no delivery \(id.safe.cut(50))") }
        return .json(DeliveryView(delivery, apps: identity.apps))
    }
}

extension HookRequest {
    fileprivate init(_ request: Request, _ context: ServerContext) {
        var headers: [String: String] = [:]
        for field in request.headers where headers[field.name.canonicalName] == nil {
            headers[field.name.canonicalName] = field.value
        }
        var query: [String: String] = [:]
        for (name, value) in request.uri.queryParameters where query[String(name)] == nil {
            query[String(name)] = String(value)
        }
        self.init(headers: headers, query: query, body: Array(context.body.readableBytesView))
    }
}

extension BodyFields {
    fileprivate func text(_ name: String, most: Int) throws(APIError) -> String? {
        guard let text = try string(name), !text.isEmpty else { return nil }
        guard text.unicodeScalars.count <= most, text == text.safe else {
            throw .invalid(name, "\(name) has to be one line of at most \(most) characters")
        }
        return text
    }
}
