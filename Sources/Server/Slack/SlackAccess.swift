import Integrations
import ViridianConfiguration

/// The workspace in which people are told of releases, and from which they command them. One instance for the life of the server.
package struct SlackAccess: Sendable {
    package let configuration: SlackConfiguration
    package let client: SlackClient

    package init(_ configuration: SlackConfiguration, _ client: SlackClient) {
        self.configuration = configuration
        self.client = client
    }
}
