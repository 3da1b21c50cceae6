import Controller
import HTTPTypes
import Hummingbird
import HummingbirdCore
import Integrations
import ViridianConfiguration

extension Services {
    /// What the head of a request to `/hooks/…` or `/slack/…` says against it: anybody may have sent it, and its body need not be kept. `nil`: it depends on
    /// the body.
    func refusal(ofHead request: Request, _ context: ServerContext) -> APIError? {
        let parts = request.uri.path.split(separator: "/")
        if parts.first == "slack" { return slackRefusal(ofHead: request) }
        guard parts.first == "hooks" else { return nil }
        guard parts.count == 2, let sender = HookSender(rawValue: String(parts[1])) else {
            return .nothing(at: request)
        }
        guard hookSettings.hooks.isOn(sender) else {
            return .notFound(
                "hooks.\(sender.rawValue) is not configured on this server: without a secret the hook is off")
        }
        let head = HookRequest(request, body: [])
        return sender.verdict(ofHead: head, hookSettings.hooks, at: clock.now)
            .flatMap { refusal($0, of: sender, context) }
    }

    /// Counts and logs what is refused.
    func refusal(_ verdict: HookVerdict, of sender: HookSender, _ context: ServerContext) -> APIError? {
        guard case .refused(let why) = verdict else { return nil }
        noteRefusedHook(sender, why, from: context.remoteAddress)
        countDelivery(sender.rawValue, "unauthorized")
        return APIError(.unauthorized, "unauthorized", why)
    }

    /// `result` is how the delivery was answered.
    func countDelivery(_ sender: String, _ result: String) {
        metrics.count("viridian_deliveries_total", ["sender": sender, "result": result])
    }
}

extension Metrics {
    /// A counter has to be seen at zero before its first increase can be: with the server's start there are those of the senders whose hooks
    /// are on, and of scripts that ask for a release.
    func beginDeliveries(_ hooks: HooksConfiguration) {
        let results = ["accepted", "ignored", "repeated", "unauthorized", "malformed"]
        for sender in HookSender.allCases where hooks.isOn(sender) {
            for result in results {
                count("viridian_deliveries_total", ["sender": sender.rawValue, "result": result], by: 0)
            }
        }
        for result in ["accepted", "ignored", "refused"] {
            count("viridian_deliveries_total", ["sender": DeliveryProcessor.script, "result": result], by: 0)
        }
    }
}

extension HookRequest {
    init(_ request: Request, body: [UInt8]) {
        var headers: [String: String] = [:]
        for field in request.headers where headers[field.name.canonicalName] == nil {
            headers[field.name.canonicalName] = field.value
        }
        var query: [String: String] = [:]
        for (name, value) in request.uri.queryParameters where query[String(name)] == nil {
            query[String(name)] = String(value)
        }
        self.init(headers: headers, query: query, body: body)
    }
}
