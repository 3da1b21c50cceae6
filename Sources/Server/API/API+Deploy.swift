import Controller
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdCore
import Journal
import ReleaseMachine
import ViridianConfiguration

/// The plain call of scripts: with a deployer's token instead of a signature.
extension API {
    @Sendable func call(_ request: Request, _ context: ServerContext) async throws -> Response {
        let (call, identity) = try deployCall(request, context)
        var key: String?
        if let sent = HTTPField.Name("Idempotency-Key").flatMap({ request.headers[$0] }) {
            try Idempotency.check(sent)
            key = "\(identity.id):\(sent)"
        }
        let id = try await receive(call, key: key, from: context.remoteAddress)
        let done = try await services.deliveries.delivery(id, within: services.hookSettings.callWithin)
        if let refused = done?.results.first(where: { $0.state == .refused }) {
            services.countDelivery(DeliveryProcessor.script, "refused")
            throw APIError(.conflict, "release_running", refused.sentence, release: refused.number)
        }
        let answer = answer(id, done)
        services.countDelivery(DeliveryProcessor.script, answer.status == .accepted ? "accepted" : "ignored")
        return answer
    }

    private func deployCall(
        _ request: Request, _ context: ServerContext
    ) throws -> (DeployCall, Identity) {
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
        return (call, identity)
    }

    /// Writes a call to the inbox. Repeated with its key it is the delivery that it was; one that was refused can be repeated, and is a new
    /// delivery then.
    /// - Throws: 422 for a key that was used for another call.
    private func receive(_ call: DeployCall, key: String?, from origin: String) async throws -> Int {
        let delivery = NewDelivery(
            at: services.clock.now, sender: DeliveryProcessor.script, key: key, kind: "deploy", origin: origin,
            events: try call.jsonLine(), outcome: nil)
        while true {
            let (id, cameBefore) = try await services.inbox.receive(delivery)
            guard cameBefore, let known = try await services.journal.delivery(id) else { return id }
            guard known.deployCall == call else { throw Idempotency.reused }
            guard known.results.contains(where: { $0.state == .refused }) else { return id }
            try await services.journal.forgetKey(ofDelivery: id)
        }
    }
}

extension Delivery {
    /// A script's call; `nil` for the delivery of a hook.
    fileprivate var deployCall: DeployCall? {
        guard sender == DeliveryProcessor.script else { return nil }
        return try? JSONDecoder().decode(DeployCall.self, from: Data(events.utf8))
    }

    /// The apps for which something became of it, or is to.
    var concernedApps: [String] { results.map(\.app) + [deployCall?.app].compactMap(\.self) }
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
