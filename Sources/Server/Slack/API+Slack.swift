import Controller
import HTTPTypes
import Hummingbird
import HummingbirdCore
import Integrations
import Journal
import Logging
import ReleaseMachine
import ViridianConfiguration

/// Requests that Slack signs: https://docs.slack.dev/authentication/verifying-requests-from-slack
///
/// Slack waits three seconds. A request is written down, then answered, and acted on after that.
extension API {
    /// The last part of the address.
    enum SlackAddress: String, Sendable, CaseIterable {
        /// Slash commands.
        case commands
        /// Buttons.
        case actions
    }

    /// The largest body: an action contains the message whose button it is.
    static let largestSlackBody = 1 << 20

    func receive(_ address: SlackAddress) -> @Sendable (Request, ServerContext) async throws -> Response {
        { request, context in
            let (response, result) = try await receive(address, request, context)
            services.countSlackRequest(address, result)
            return response
        }
    }

    /// `result` is how it was answered.
    private func receive(
        _ address: SlackAddress, _ request: Request, _ context: ServerContext
    ) async throws -> (Response, result: String) {
        guard let slack = services.slackRequests, let secret = slack.access.configuration.signingSecret else {
            throw services.slackIsOff
        }
        let call = HookRequest(request, body: Array(context.body.readableBytesView))
        // Slack tries the certificate, without a signature; nothing is done for it.
        if (try? SlackForm(call.body))?["ssl_check"] == "1" { return (Response(status: .ok), "ignored") }
        let signature = call.headers["x-slack-signature"]
        let verdict = SlackSignature(secret).verify(
            call.body, timestamp: call.headers["x-slack-request-timestamp"], signature: signature,
            at: services.clock.now)
        if case .refused(let why) = verdict { throw services.refusedSlackRequest(address, why, context) }
        let read: SlackRequest?
        do {
            read = try self.read(address, call)
        } catch {
            services.countSlackRequest(address, "malformed")
            throw APIError.malformed(error.description)
        }
        guard let read, let signature,
            let signedAt = call.headers["x-slack-request-timestamp"].flatMap(SlackSignature.time)
        else { return (Response(status: .ok), "ignored") }
        switch try await slack.receive(read, .signed(signature, at: signedAt)) {
        case .written: return (Response(status: .ok), "accepted")
        case .repeated, .replayed:
            throw services.refusedSlackRequest(
                address, "this request came before: a signature is good for one", context)
        case .tooMany(let sentence):
            let answer = SlackAcknowledgement(text: SlackText(sentence).markup)
            return (address == .commands ? .json(answer) : Response(status: .ok), "limited")
        }
    }

    private func read(_ address: SlackAddress, _ call: HookRequest) throws(MalformedSlackRequest) -> SlackRequest? {
        guard call.headers["content-type"]?.lowercased().hasPrefix("application/x-www-form-urlencoded") == true else {
            throw MalformedSlackRequest("the body is not a form: expected application/x-www-form-urlencoded")
        }
        return switch address {
        case .commands: try SlackRequest.read(command: call.body)
        case .actions: try SlackRequest.read(action: call.body)
        }
    }
}

/// What a slash command is answered with at once; only the person sees it.
struct SlackAcknowledgement: Encodable, Sendable {
    var type = "ephemeral"
    var text: String

    private enum CodingKeys: String, CodingKey {
        case type = "response_type"
        case text
    }
}
