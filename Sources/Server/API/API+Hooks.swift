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
            let (response, result) = try await receive(sender, request, context)
            services.countDelivery(sender.rawValue, result)
            return response
        }
    }

    /// `result` is how the delivery was answered. Its head has been checked before its body was read.
    private func receive(
        _ sender: HookSender, _ request: Request, _ context: ServerContext
    ) async throws -> (Response, result: String) {
        let settings = services.hookSettings
        let hook = HookRequest(request, body: Array(context.body.readableBytesView))
        let verdict = sender.verify(hook, settings.hooks, at: services.clock.now)
        if let refusal = services.refusal(verdict, of: sender, context) { throw refusal }
        let reading: HookReading
        do {
            reading = try sender.read(hook)
        } catch {
            services.countDelivery(sender.rawValue, "malformed")
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
            let known = try await services.journal.delivery(id).map { DeliveryView($0) }
            let repeated = DeliveryAnswer(
                delivery: id, releases: known?.releases ?? [],
                ignored: "this delivery came before: \(known?.outcome ?? "see the list of deliveries")")
            return (.json(repeated), "repeated")
        }
        let answer = answer(id, try await services.deliveries.delivery(id, within: settings.answerWithin))
        return (answer, answer.status == .accepted ? "accepted" : "ignored")
    }

    /// What a sender is answered. `delivery` is `nil` when it is gone.
    func answer(_ id: Int, _ delivery: Delivery?) -> Response {
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
        let found = try await services.journal.deliveries(limit: limit + 1, before: before, apps: apps)
        let page = found.prefix(limit)
        return .json(
            DeliveryList(
                deliveries: page.map { DeliveryView($0, apps: identity.apps) },
                next: found.count > limit ? page.last?.id : nil))
    }

    @Sendable func showDelivery(_ request: Request, _ context: ServerContext) async throws -> Response {
        let identity = try context.require(.viewer)
        let id = try context.parameter("id")
        guard let number = Int(id), number > 0, let delivery = try await services.journal.delivery(number),
            identity.apps == nil || delivery.concernedApps.contains(where: { identity.sees($0) })
        else { throw APIError.notFound("there is no delivery \(id.safe.cut(50))") }
        return .json(DeliveryView(delivery, apps: identity.apps))
    }
}
