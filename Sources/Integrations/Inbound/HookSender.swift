import ReleaseMachine
import ViridianConfiguration

/// Whose deliveries come to `/hooks/<rawValue>`.
package enum HookSender: String, Sendable, Codable, CaseIterable {
    case registry, harbor, gitlab, github, gitea, quay
}

extension HookSender {
    /// Checks the signature or the secret of a request, on the body as it came and in constant time.
    ///
    /// An empty configured secret never verifies, and a signature that can be checked is never replaced by a token.
    package func verify(_ request: HookRequest, _ hooks: HooksConfiguration, at now: Timestamp) -> HookVerdict {
        format.verify(request, hooks, at: now)
    }

    /// Reads a request that has been verified. What concerns no app, and kinds of events that this version does not know, are sentences
    /// in the reading: a sender that is answered with an error stops sending.
    ///
    /// - Throws: `MalformedHook` for what is not the sender's format.
    package func read(_ request: HookRequest) throws(MalformedHook) -> HookReading {
        try format.read(request)
    }

    private var format: any DeliveryFormat.Type {
        switch self {
        case .registry: RegistryDelivery.self
        case .harbor: HarborDelivery.self
        case .gitlab: GitLabDelivery.self
        case .github: GitHubDelivery.self
        case .gitea: GiteaDelivery.self
        case .quay: QuayDelivery.self
        }
    }
}

/// How one sender's requests are checked and read.
protocol DeliveryFormat {
    static func verify(_ request: HookRequest, _ hooks: HooksConfiguration, at now: Timestamp) -> HookVerdict
    static func read(_ request: HookRequest) throws(MalformedHook) -> HookReading
}
