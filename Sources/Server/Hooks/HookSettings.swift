import Integrations
import ViridianConfiguration

/// What the server knows of the systems from which versions come.
package struct HookSettings: Sendable {
    package var hooks: HooksConfiguration
    package var registries: [RegistryConfiguration]
    /// What answers instead of the registries; `nil`: they do.
    var lookup: (any VersionLookup)?
    /// The largest body of a delivery, in bytes: that of GitHub's and GitLab's hooks.
    package var maximumBody = 25 << 20
    /// How long a sender waits for what became of its delivery, beyond having it written down.
    package var answerWithin: Duration = .milliseconds(60)
    /// How long a script's call waits for its release to begin.
    package var callWithin: Duration = .seconds(10)
    /// How long a person's release waits for the registry's answer.
    package var registryWithin: Duration = .seconds(2)
    /// How long deliveries are kept.
    package var keepFor: Duration = .seconds(90 * 86_400)
    /// How long deliveries are kept that concerned no app.
    package var keepUnconcerningFor: Duration = .seconds(3 * 86_400)

    package init(hooks: HooksConfiguration = HooksConfiguration(), registries: [RegistryConfiguration] = []) {
        self.hooks = hooks
        self.registries = registries
    }

    package init(_ configuration: Configuration) {
        self.init(hooks: configuration.hooks, registries: configuration.registries)
    }
}

extension HooksConfiguration {
    /// Whether deliveries of a sender are accepted.
    func isOn(_ sender: HookSender) -> Bool {
        switch sender {
        case .registry: registry != nil
        case .harbor: harbor != nil
        case .gitlab: gitlab != nil
        case .github: github != nil
        case .gitea: gitea != nil
        case .quay: quay != nil
        }
    }

    var isAnyOn: Bool { HookSender.allCases.contains { isOn($0) } }
}
