import ReleaseMachine
import ViridianConfiguration

extension GitHubDelivery {
    /// What starts a run that builds what is in the repository; what comes of a pull request is not in it yet.
    private static let triggers: Set = ["push", "workflow_dispatch", "release", "schedule"]

    static func workflowRun(_ body: HookJSON) throws(Ignored) -> SucceededPipeline {
        let project = try project(body)
        let run = body["workflow_run"]
        let shown =
            run["id"].integer.map { "workflow run \($0) of \(project)" } ?? "a workflow run of \(project)"
        let action = body["action"].string ?? ""
        guard action == "completed" else { throw Ignored("\(shown) is \(Excerpt.word(action)), not completed") }
        let conclusion = run["conclusion"].string ?? ""
        guard conclusion == "success" else {
            throw Ignored("\(shown) has ended with \(Excerpt.word(conclusion)), not success")
        }
        // A pull request from a fork runs in this repository, with the fork's commit.
        guard run["head_repository"]["full_name"].string == project,
            run["head_repository"]["id"] == body["repository"]["id"]
        else { throw Ignored("\(shown) is of a commit of another repository, such as a fork's") }
        let event = run["event"].string ?? ""
        guard triggers.contains(event) else {
            throw Ignored(
                "\(shown) was started by \(Excerpt.word(event)), not by \(triggers.sorted().joined(separator: ", "))")
        }
        guard let ref = HookNames.ref(run["head_branch"].string) else {
            throw Ignored("\(shown) names no branch or tag")
        }
        guard let commit = HookNames.commit(run["head_sha"].string) else { throw Ignored("\(shown) names no commit") }
        let isItsCommit = run["head_commit"]["id"].string == commit
        return SucceededPipeline(
            project: project, projectURL: HookNames.url(body["repository"]["html_url"].string), commit: commit,
            commitTime: isItsCommit ? Timestamp(hook: run["head_commit"]["timestamp"].string) : nil,
            // GitHub writes the name of a tag where that of a branch stands, and does not say which it is.
            ref: ref, isTag: event == "release",
            url: HookNames.url(run["html_url"].string),
            by: HookNames.person(run["triggering_actor"]["login"].text ?? run["actor"]["login"].text))
    }

    /// A deployment that was created through the API is a request. One that belongs to a job of a workflow is created while the job still
    /// waits for its reviewers, so that it counts when GitHub says that the job has succeeded.
    ///
    /// <https://docs.github.com/actions/how-tos/deploy/configure-and-manage-deployments/control-deployments>
    static func deployment(_ body: HookJSON, _ event: String) throws(Ignored) -> RequestedDeployment {
        let project = try project(body)
        let deployment = body["deployment"]
        let shown =
            deployment["id"].integer.map { "deployment \($0) of \(project)" } ?? "a deployment of \(project)"
        guard body["action"].string == "created" else {
            throw Ignored("\(shown) was \(Excerpt.word(body["action"].string ?? "")), not created")
        }
        let payload = payload(deployment)
        guard payload["viridian"].isNull else { throw Ignored("\(shown) is Viridian's own report") }
        let isOfJob = !body["workflow_run"].isNull
        if event == "deployment_status" {
            let state = body["deployment_status"]["state"].string ?? ""
            guard isOfJob, body["deployment_status"]["creator"]["login"].string == "github-actions[bot]" else {
                throw Ignored("the status \(Excerpt.word(state)) of \(shown), which was not requested by a job")
            }
            guard state == "success" else { throw Ignored("\(shown) is \(Excerpt.word(state)), not success") }
        } else if isOfJob {
            throw Ignored("\(shown) belongs to a job that may still wait for its reviewers; its success counts")
        }
        let task = deployment["task"].text ?? "deploy"
        guard task == "deploy" else { throw Ignored("\(shown) is for the task \(Excerpt.word(task)), not deploy") }
        guard let environment = HookNames.environment(deployment["environment"].string) else {
            throw Ignored("\(shown) names no environment")
        }
        guard let commit = HookNames.commit(deployment["sha"].string) else { throw Ignored("\(shown) names no commit") }
        let version = payload["version"].text
        if let version, (try? Version(version)) == nil {
            throw Ignored("\(shown) is for the version \(Excerpt.quoted(version)), which is no tag of an image")
        }
        return RequestedDeployment(
            project: project, projectURL: HookNames.url(body["repository"]["html_url"].string), commit: commit,
            ref: HookNames.ref(deployment["ref"].string), environment: environment, version: version,
            url: HookNames.url(body["workflow_run"]["html_url"].string),
            by: HookNames.person(deployment["creator"]["login"].text))
    }

    /// An object, or a string with JSON in it, as whoever created the deployment has sent it.
    private static func payload(_ deployment: HookJSON) -> HookJSON {
        guard let text = deployment["payload"].text else { return deployment["payload"] }
        return (try? HookJSONReader.value(of: Array(text.utf8))) ?? .null
    }
}
