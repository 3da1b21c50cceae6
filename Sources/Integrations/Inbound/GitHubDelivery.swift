import ReleaseMachine
import ViridianConfiguration

/// Webhooks of GitHub: pushed images, workflow runs and deployments.
///
/// <https://docs.github.com/webhooks/webhook-events-and-payloads>
enum GitHubDelivery: DeliveryFormat {
    static func verify(_ request: HookRequest, _ hooks: HooksConfiguration, at now: Timestamp) -> HookVerdict {
        request.verify(signatures: ["x-hub-signature-256": "sha256="], hooks.github, key: "hooks.github")
    }

    static func read(_ request: HookRequest) throws(MalformedHook) -> HookReading {
        let body = try request.object()
        let key = HookKey.id(request.header("x-github-delivery"))
        // Gitea and Forgejo send GitHub's headers beside their own.
        if let event = request.header("x-forgejo-event", "x-gitea-event", "x-gogs-event") {
            return HookReading(
                key: key, kind: HookKind.unknown(event),
                ignored: ["\(Excerpt.word(event)) of a Gitea or Forgejo: set the webhook's URL to /hooks/gitea there"])
        }
        guard let event = request.header("x-github-event"), !event.isEmpty else {
            throw MalformedHook("expected a webhook of GitHub, with the header X-GitHub-Event")
        }
        var reading = HookReading(key: key, kind: event)
        switch event {
        case "ping": reading.ignore("ping: GitHub reaches this hook")
        case "package", "registry_package":
            reading.add { () throws(Ignored) in .pushed(try package(body, event)) }
        case "workflow_run":
            reading.add { () throws(Ignored) in .built(try workflowRun(body)) }
        case "deployment", "deployment_status":
            reading.add { () throws(Ignored) in .deploymentRequested(try deployment(body, event)) }
        default:
            if !known.contains(event) { reading.kind = HookKind.unknown(event) }
            reading.ignore("\(Excerpt.word(event)): only packages, workflow runs and deployments are read")
        }
        return reading
    }

    private static let known: Set = [
        "branch_protection_rule", "check_run", "check_suite", "commit_comment", "create", "delete", "deploy_key",
        "deployment_protection_rule", "deployment_review", "fork", "installation", "installation_repositories",
        "issue_comment", "issues", "label", "member", "membership", "merge_group", "milestone", "organization",
        "page_build", "public", "pull_request", "pull_request_review", "pull_request_review_comment", "push",
        "release", "repository", "repository_dispatch", "star", "status", "team", "watch", "workflow_dispatch",
        "workflow_job",
    ]

    /// The project that a webhook is of.
    static func project(_ body: HookJSON) throws(Ignored) -> String {
        let name = body["repository"]["full_name"].string
        guard let project = HookNames.project(name) else {
            throw Ignored("a webhook of \(name.map { Excerpt.quoted($0) } ?? "an unnamed repository")")
        }
        return project
    }
}
