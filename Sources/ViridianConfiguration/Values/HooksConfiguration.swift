/// The secrets of incoming webhooks; a sender without one is off.
package struct HooksConfiguration: Sendable, Hashable {
    package var registry: Secret?
    package var harbor: Secret?
    package var gitlab: GitLabHook?
    package var github: Secret?
    package var gitea: Secret?
    package var quay: Secret?

    package init(
        registry: Secret? = nil,
        harbor: Secret? = nil,
        gitlab: GitLabHook? = nil,
        github: Secret? = nil,
        gitea: Secret? = nil,
        quay: Secret? = nil
    ) {
        self.registry = registry
        self.harbor = harbor
        self.gitlab = gitlab
        self.github = github
        self.gitea = gitea
        self.quay = quay
    }
}

/// How GitLab's deliveries are known to be GitLab's: at least one of the two.
package struct GitLabHook: Sendable, Hashable {
    /// The secret token that GitLab sends as it is, in `X-Gitlab-Token`.
    package var secret: Secret?
    /// The signing token, `whsec_` and the key in base64 (<https://docs.gitlab.com/user/project/integrations/webhooks/>).
    package var signingToken: Secret?

    package init(secret: Secret? = nil, signingToken: Secret? = nil) {
        self.secret = secret
        self.signingToken = signingToken
    }
}
