import Integrations
import ViridianConfiguration

/// The workspace in which people are told of releases, and from which they command them. One instance for the life of the server.
package struct SlackAccess: Sendable {
    package let configuration: SlackConfiguration
    package let client: SlackClient
    /// Has the proxies' variables, for connections of Socket Mode.
    let environment: [String: String]

    package init(_ configuration: SlackConfiguration, _ client: SlackClient, environment: [String: String] = [:]) {
        self.configuration = configuration
        self.client = client
        self.environment = environment
    }
}
