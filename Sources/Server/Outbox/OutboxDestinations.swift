import Journal
import ViridianConfiguration

/// Where messages about releases go according to a configuration: the same for the server, which sends them, and for the command line,
/// which lists and tests them.
package enum OutboxDestinations {
    /// The names that a configuration gives them, sorted.
    package static func names(_ configuration: Configuration) -> [String] {
        let report = configuration.report
        let fixed = [
            configuration.slack.map { _ in "slack" }, report.github.map { _ in "github" },
            report.gitlab.map { _ in "gitlab" },
        ]
        return (fixed.compactMap(\.self) + configuration.notify.map(\.name)).sorted()
    }

    /// All of them. `variables` has the proxies'.
    /// - Throws: `TransportError` for a URL that cannot be called, `ProxyError` for an invalid proxy.
    package static func all(_ configuration: Configuration, journal: Journal, variables: [String: String]) throws
        -> [any OutboxDestination]
    {
        try SlackDestination.all(configuration, journal: journal, variables: variables)
            + DeploymentDestination.all(configuration, variables: variables)
            + WebhookDestination.all(configuration, variables: variables)
    }
}
