import Controller
import HTTPTypes
import HummingbirdCore
import Integrations
import Logging
import ViridianConfiguration

extension Services {
    /// Everything that people in Slack ask for, until cancelled.
    func slackWork() async {
        guard let slackRequests else { return }
        await withDiscardingTaskGroup { group in
            group.addTask { await socketModeWork(slackRequests) }
            await slackRequests.run(self)
        }
        await slackRequests.access.client.shutdown()
    }

    /// What the address of a request to `/slack/…` says against it, before its body is read. `nil`: it depends on the body.
    func slackRefusal(ofHead request: Request) -> APIError? {
        let parts = request.uri.path.split(separator: "/")
        guard parts.count == 2, API.SlackAddress(rawValue: String(parts[1])) != nil else {
            return .nothing(at: request)
        }
        return slackRequests?.access.configuration.signingSecret == nil ? slackIsOff : nil
    }

    var slackIsOff: APIError {
        let other = slackRequests?.access.configuration.appToken == nil ? "" : "; they come by Socket Mode"
        return .notFound(
            "slack.signingSecret is not configured on this server: requests from Slack are not taken here\(other)")
    }

    /// `result` is how the request was answered.
    func countSlackRequest(_ address: API.SlackAddress, _ result: String) {
        metrics.count("viridian_slack_requests_total", ["kind": address.rawValue, "result": result])
    }

    /// Counts and logs what is refused: a line in the log, not one for each request of somebody who guesses.
    func refusedSlackRequest(_ address: API.SlackAddress, _ why: String, _ context: ServerContext) -> APIError {
        countSlackRequest(address, "unauthorized")
        if authenticator.failures.count(context.remoteAddress)?.isFirst ?? true {
            logger.warning(
                "a request from Slack was refused", metadata: ["from": "\(context.remoteAddress)", "why": "\(why)"])
        }
        return APIError(.unauthorized, "unauthorized", why)
    }
}
