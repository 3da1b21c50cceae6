import Foundation
import Integrations
import Server
import ViridianConfiguration

extension Installation {
    /// The workspace from which people command releases; `nil` where Slack is not configured. The server closes it.
    func slackAccess() throws -> SlackAccess? {
        try configuration.slack.map { slack in
            let environment = ProcessInfo.processInfo.environment
            return SlackAccess(slack, try SlackClient(slack, environment: environment), environment: environment)
        }
    }
}
