import ReleaseMachine
import ViridianConfiguration

/// Webhooks of GitLab: pipelines and deployments.
///
/// <https://docs.gitlab.com/user/project/integrations/webhook_events/>
enum GitLabDelivery: DeliveryFormat {
    static func read(_ request: HookRequest) throws(MalformedHook) -> HookReading {
        let body = try request.object()
        // Webhooks of an instance have a kind only where they are a project's as well.
        guard let kind = body["object_kind"].text ?? body["event_name"].text else {
            throw MalformedHook(
                "expected a webhook of GitLab with object_kind; a custom webhook template must leave the body as it is")
        }
        // GitLab sends the same id in both, and signs the first: https://docs.gitlab.com/user/project/integrations/webhooks/
        let id = HookKey.id(request.header("webhook-id", "idempotency-key"))
        switch kind {
        case "pipeline":
            var reading = HookReading(key: id ?? pipelineKey(body), kind: kind)
            reading.add { () throws(Ignored) in .built(try pipeline(body)) }
            return reading
        case "deployment":
            var reading = HookReading(key: id ?? deploymentKey(body), kind: kind)
            reading.add { () throws(Ignored) in .deploymentRequested(try deployment(body)) }
            return reading
        default:
            let isKnown = known.contains(kind)
            return HookReading(
                key: id ?? HookKey.digest(of: request.body), kind: isKnown ? kind : HookKind.unknown(kind),
                ignored: [
                    "\(Excerpt.word(kind)): only pipelines and deployments are read"
                ])
        }
    }

    private static let known: Set = [
        "access_token", "build", "emoji", "feature_flag", "issue", "member", "merge_request", "milestone", "note",
        "project", "push", "release", "subgroup", "tag_push", "vulnerability", "wiki_page", "work_item",
    ]

    // MARK: - Pipelines

    /// Sources of pipelines whose end is not the end of a build: parts of other pipelines, merge requests, and those that GitLab itself
    /// does not count for a branch (`dangling_sources` in `app/models/concerns/enums/ci/pipeline.rb`).
    private static let otherSources: [String: String] = [
        "parent_pipeline": "a child pipeline, of which the parent counts",
        "merge_request_event": "a pipeline of a merge request",
        "external_pull_request_event": "a pipeline of a pull request",
        "webide": "a pipeline of the Web IDE",
        "ondemand_dast_scan": "a security scan",
        "ondemand_dast_validation": "a security scan",
        "container_registry_push": "a scan of a pushed image",
        "security_orchestration_policy": "a pipeline of a security policy",
    ]

    private static func pipeline(_ body: HookJSON) throws(Ignored) -> SucceededPipeline {
        let attributes = body["object_attributes"]
        let path = body["project"]["path_with_namespace"].string
        guard let project = HookNames.project(path) else {
            throw Ignored("a pipeline of \(path.map { Excerpt.quoted($0) } ?? "an unnamed project")")
        }
        let shown = attributes["id"].integer.map { "pipeline \($0) of \(project)" } ?? "a pipeline of \(project)"
        let status = attributes["status"].string ?? ""
        let source = attributes["source"].string ?? ""
        guard status == "success" else { throw Ignored("\(shown) is \(Excerpt.word(status)), not success") }
        if let reason = otherSources[source] { throw Ignored("\(shown) is \(reason)") }
        guard body["merge_request"].isNull else { throw Ignored("\(shown) is a pipeline of a merge request") }
        let ref = attributes["ref"].string ?? ""
        guard !ref.hasPrefix("refs/") else { throw Ignored("\(shown) is of no branch or tag (\(Excerpt.quoted(ref)))") }
        guard let ref = HookNames.ref(ref) else {
            throw Ignored("\(shown) is of \(Excerpt.quoted(ref)), which is no name of a branch or a tag")
        }
        guard let commit = HookNames.commit(attributes["sha"].string) else { throw Ignored("\(shown) names no commit") }
        // Of a pipeline for the result of a merge, this is another commit.
        let isItsCommit = body["commit"]["id"].string == commit
        let projectURL = HookNames.url(body["project"]["web_url"].string)
        let page = attributes["id"].integer.flatMap { id in projectURL.map { "\($0)/-/pipelines/\(id)" } }
        return SucceededPipeline(
            project: project, projectURL: projectURL, commit: commit,
            commitTime: isItsCommit ? Timestamp(hook: body["commit"]["timestamp"].string) : nil,
            ref: ref, isTag: attributes["tag"].bool ?? false,
            url: HookNames.url(attributes["url"].string) ?? page, by: HookNames.person(body["user"]["username"].text))
    }

    /// A retried pipeline succeeds again, with the same id and another end.
    private static func pipelineKey(_ body: HookJSON) -> String? {
        let attributes = body["object_attributes"]
        guard let id = attributes["id"].integer else { return nil }
        let time = attributes["finished_at"].text ?? attributes["updated_at"].text ?? ""
        return HookKey.id("pipeline/\(id)/\(attributes["status"].string ?? "")/\(time)".replacing(" ", with: "_"))
    }

    // MARK: - Deployments

    /// A deployment counts when its job has succeeded, not when it runs: a job may do what has to be done before (a migration, a last test)
    /// and must be able to stop the release by failing, and one that called Viridian itself ends after that release, which then is live
    /// already. A job that waits for somebody's approval runs, and succeeds, only after it.
    private static func deployment(_ body: HookJSON) throws(Ignored) -> RequestedDeployment {
        let path = body["project"]["path_with_namespace"].string
        guard let project = HookNames.project(path) else {
            throw Ignored("a deployment of \(path.map { Excerpt.quoted($0) } ?? "an unnamed project")")
        }
        let shown =
            body["deployment_id"].integer.map { "deployment \($0) of \(project)" } ?? "a deployment of \(project)"
        let status = body["status"].string ?? ""
        // What is reported through the API comes back as a webhook, Viridian's own reports too: only a job's deployment is a request.
        guard let job = body["deployable_url"].text else {
            throw Ignored("\(shown) was made through GitLab's API, as Viridian's own reports are, not by a job")
        }
        guard status == "success" else { throw Ignored("\(shown) is \(Excerpt.word(status)), not success") }
        guard let environment = HookNames.environment(body["environment"].string) else {
            throw Ignored("\(shown) names no environment")
        }
        guard let short = HookNames.commit(body["short_sha"].string) else { throw Ignored("\(shown) names no commit") }
        // Only the commit's page has all digits.
        let digits = HookNames.commit(body["commit_url"].text?.split(separator: "/").last.map(String.init))
        let commit = digits.flatMap { $0.hasPrefix(short) ? $0 : nil } ?? short
        return RequestedDeployment(
            project: project, projectURL: HookNames.url(body["project"]["web_url"].string), commit: commit,
            ref: HookNames.ref(body["ref"].string), environment: environment,
            url: HookNames.url(job), by: HookNames.person(body["user"]["username"].text))
    }

    private static func deploymentKey(_ body: HookJSON) -> String? {
        guard let id = body["deployment_id"].integer else { return nil }
        let time = body["status_changed_at"].text ?? ""
        return HookKey.id("deployment/\(id)/\(body["status"].string ?? "")/\(time)".replacing(" ", with: "_"))
    }
}
