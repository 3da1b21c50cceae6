import ReleaseMachine
import ViridianConfiguration

extension HookSender {
    /// The verdict where the head of a request alone decides: on a secret in a header or in the address. `nil`: the body is signed.
    package func verdict(
        ofHead request: HookRequest, _ hooks: HooksConfiguration, at now: Timestamp
    ) -> HookVerdict? {
        switch self {
        case .github, .gitea: return nil
        case .gitlab where request.header("webhook-signature") != nil: return nil
        case .registry, .harbor, .quay, .gitlab: return verify(request, hooks, at: now)
        }
    }
}
