import ReleaseMachine
import ViridianConfiguration

extension GitLabDelivery {
    /// GitLab sends a secret token as it is, since 19.0 a signature, or both.
    ///
    /// | the request has | only `signingToken` | only `secret` | both |
    /// | --- | --- | --- | --- |
    /// | a signature, with or without a token | the signature decides | refused | the signature decides |
    /// | a token | refused | the token decides | the token decides |
    /// | neither | refused | refused | refused |
    ///
    /// With both configured, webhooks that are not signed yet are accepted beside those that are; whoever wants signatures only configures
    /// `signingToken` alone. With a secret alone there is nothing to check a signature against, and a signature that is there is never
    /// replaced by a token.
    static func verify(_ request: HookRequest, _ hooks: HooksConfiguration, at now: Timestamp) -> HookVerdict {
        let secret = hooks.gitlab?.secret.flatMap { $0.value.isEmpty ? nil : $0 }
        let signingToken = hooks.gitlab?.signingToken.flatMap { $0.value.isEmpty ? nil : $0 }
        if let signature = request.header("webhook-signature") {
            guard let signingToken else {
                return .refused(
                    "the delivery is signed, and there is nothing to check its signature with: set hooks.gitlab.signingToken "
                        + "to the webhook's signing token")
            }
            return verify(signature: signature, of: request, signingToken, at: now)
        }
        if let secret {
            guard let token = request.header("x-gitlab-token") else { return .missing("X-Gitlab-Token") }
            return HookSecret.matches(token, secret)
                ? .verified : .mismatch("the header X-Gitlab-Token", "hooks.gitlab")
        }
        return signingToken == nil ? .unconfigured("hooks.gitlab") : .missing("webhook-signature")
    }

    private static func verify(
        signature: String, of request: HookRequest, _ signingToken: Secret, at now: Timestamp
    ) -> HookVerdict {
        guard let webhooks = StandardWebhooks(signingToken) else {
            return .refused("the signingToken of hooks.gitlab is not whsec_ and a key in base64")
        }
        guard let id = request.header("webhook-id") else { return .missing("webhook-id") }
        guard let timestamp = request.header("webhook-timestamp") else { return .missing("webhook-timestamp") }
        return webhooks.verify(
            request.body, StandardWebhooks.Headers(id: id, timestamp: timestamp, signature: signature), at: now)
    }
}
