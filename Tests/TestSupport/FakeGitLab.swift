import Foundation

/// The deployments of GitLab's REST API, as strict as GitLab: https://docs.gitlab.com/api/deployments/
package actor FakeGitLab {
    package struct Project: Sendable {
        package var commits: Set<String>
        package var branches: Set<String>
        package var tags: Set<String>

        package init(commits: Set<String>, branches: Set<String> = ["main"], tags: Set<String> = []) {
            self.commits = commits
            self.branches = branches
            self.tags = tags
        }
    }

    package struct Deployment: Sendable {
        package var id: Int
        package var project: String
        package var environment: String
        package var sha: String
        package var ref: String
        package var tag: Bool
        package var createdAt: Date
        /// A job of a pipeline made it.
        package var isJob = false
        /// Every status that it has had; the last one holds.
        package var statuses: [String]
    }

    package nonisolated let weather = ForgeWeather()
    package private(set) var deployments: [Deployment] = []
    /// The URLs of environments.
    package private(set) var urls: [String: String] = [:]
    private let projects: [String: Project]
    private let token: String
    private let now: @Sendable () -> Date
    private var isReporter = false
    private var scopes: [String]? = ["api"]

    package init(token: String, projects: [String: Project], now: @escaping @Sendable () -> Date = { Date() }) {
        self.token = token
        self.projects = projects
        self.now = now
    }

    /// The token's owner may read only.
    package func demote() { isReporter = true }
    /// What the token may do; `nil` for a GitLab that does not tell.
    package func scope(_ scopes: [String]?) { self.scopes = scopes }
    package func promote() { isReporter = false }

    /// A deployment that GitLab's own CI made.
    package func addJob(_ project: String, _ environment: String, _ sha: String) {
        _ = append(project, environment, sha, "main", false, status: "success", isJob: true)
    }

    package nonisolated func answer(_ request: Received) async -> Reply {
        await weather.answer { await act(on: request) }
    }

    private func act(on request: Received) -> Reply {
        guard request.header("PRIVATE-TOKEN") == token else {
            return .json(["message": "401 Unauthorized"], status: 401)
        }
        // /api/v4/projects/group%2Fblog/…: the project's path is one segment.
        let parts = request.path.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
            .map { String($0).removingPercentEncoding ?? "" }
        if request.method == "GET", parts.starts(with: ["api", "v4"]), let reply = ofToken(parts.dropFirst(2)) {
            return reply
        }
        guard parts.count >= 4, parts[..<3] == ["api", "v4", "projects"], let project = projects[parts[3]] else {
            return .json(["message": "404 Project Not Found"], status: 404)
        }
        if request.method != "GET", isReporter { return .json(["message": "403 Forbidden"], status: 403) }
        switch (request.method, parts.count, parts.dropFirst(4).first) {
        case ("GET", 4, _): return .json(["id": 7, "path_with_namespace": parts[3], "default_branch": "main"])
        case ("GET", 7, "repository"):
            return project.tags.contains(parts[6])
                ? .json(["name": parts[6]]) : .json(["message": "404 Tag Not Found"], status: 404)
        case ("GET", 5, "deployments"): return list(request, parts[3])
        case ("POST", 5, "deployments"): return create(request, parts[3], project)
        case ("GET", 6, "deployments"): return with(Int(parts[5])) { .json(object($0)) }
        case ("PUT", 6, "deployments"): return update(request, Int(parts[5]))
        case ("PUT", 6, "environments"): return setURL(request)
        default: return .json(["error": "404 Not Found"], status: 404)
        }
    }

    private func ofToken(_ path: ArraySlice<String>) -> Reply? {
        switch (Array(path), scopes) {
        case (["personal_access_tokens", "self"], let scopes?):
            .json(["id": 4, "name": "viridian", "active": true, "scopes": scopes, "expires_at": "2026-12-01"])
        case (["personal_access_tokens", "self"], nil): .json(["error": "404 Not Found"], status: 404)
        case (["version"], _): .json(["version": "15.4.0", "revision": "4e963fe"])
        default: nil
        }
    }

    private func list(_ request: Received, _ project: String) -> Reply {
        guard ["id", "iid", "created_at", "updated_at", "ref"].contains(request.query["order_by"] ?? "id"),
            ["asc", "desc"].contains(request.query["sort"] ?? "asc")
        else { return .json(["error": "order_by does not have a valid value"], status: 400) }
        let found = deployments.filter {
            $0.project == project && $0.environment == request.query["environment"] ?? $0.environment
        }
        return .json((request.query["sort"] == "desc" ? found.reversed() : found).map(object))
    }

    private func create(_ request: Received, _ path: String, _ project: Project) -> Reply {
        guard let body = request.jsonBody else { return .json(["error": "400 Bad Request"], status: 400) }
        let missing = ["environment", "sha", "ref", "tag", "status"].filter { body[$0] == nil }
        guard missing.isEmpty else {
            return .json(["error": missing.map { "\($0) is missing" }.joined(separator: ", ")], status: 400)
        }
        guard let status = body["status"] as? String, Self.statuses.contains(status) else {
            return .json(["error": "status does not have a valid value"], status: 400)
        }
        guard let environment = body["environment"] as? String, let sha = body["sha"] as? String,
            let ref = body["ref"] as? String, let tag = body["tag"] as? Bool
        else { return .json(["error": "a value is invalid"], status: 400) }
        // GitLab gives back the last successful deployment when it is asked for its like.
        if let last = deployments.last(where: { $0.environment == environment && $0.statuses.last == "success" }),
            last.ref == ref, last.tag == tag, last.sha == sha, last.statuses.last == status
        {
            return .json(object(last), status: 201)
        }
        guard let commit = project.commits.first(where: { $0.hasPrefix(sha) }) else {
            return .json(["message": ["sha": ["The commit does not exist"]]], status: 400)
        }
        guard project.branches.contains(ref) || project.tags.contains(ref) || project.commits.contains(ref) else {
            return .json(["message": ["ref": ["The branch or tag does not exist"]]], status: 400)
        }
        return .json(object(append(path, environment, commit, ref, tag, status: status)), status: 201)
    }

    private func append(
        _ project: String, _ environment: String, _ sha: String, _ ref: String, _ tag: Bool, status: String,
        isJob: Bool = false
    ) -> Deployment {
        let deployment = Deployment(
            id: 41 + deployments.count, project: project, environment: environment, sha: sha, ref: ref, tag: tag,
            createdAt: now(), isJob: isJob, statuses: [status])
        deployments.append(deployment)
        return deployment
    }

    private func update(_ request: Received, _ id: Int?) -> Reply {
        guard let status = request.jsonBody?["status"] as? String, Self.statuses.contains(status) else {
            return .json(["error": "status does not have a valid value"], status: 400)
        }
        guard let index = deployments.firstIndex(where: { $0.id == id }) else {
            return .json(["message": "404 Not found"], status: 404)
        }
        if deployments[index].isJob {
            return .json(
                ["message": "403 Forbidden - Deployments created using GitLab CI can not be updated using the API"],
                status: 403)
        }
        let present = deployments[index].statuses.last
        guard status != present, status != "running" || present == "created" else {
            let event = ["running": "run", "success": "succeed", "failed": "drop", "canceled": "cancel"][status] ?? ""
            return .json(["message": ["status": ["cannot transition via \"\(event)\""]]], status: 400)
        }
        deployments[index].statuses.append(status)
        return .json(object(deployments[index]))
    }

    private func setURL(_ request: Received) -> Reply {
        guard let url = request.jsonBody?["external_url"] as? String, isWebURL(url) else {
            return .json(
                ["message": ["external_url": ["is blocked: Only allowed schemes are http, https"]]], status: 400)
        }
        urls["production"] = url
        return .json(["id": 9, "name": "production", "external_url": url])
    }

    // MARK: - Answers

    private static let statuses = ["running", "success", "failed", "canceled"]

    private func with(_ id: Int?, _ answer: (Deployment) -> Reply) -> Reply {
        deployments.first { $0.id == id }.map(answer) ?? .json(["message": "404 Not found"], status: 404)
    }

    private func object(_ deployment: Deployment) -> JSONObject {
        [
            "id": deployment.id, "iid": deployment.id - 40, "ref": deployment.ref, "sha": deployment.sha,
            "status": deployment.statuses.last ?? "created",
            "created_at": deployment.createdAt.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true)),
            "deployable": deployment.isJob ? ["id": 1] as JSONObject : NSNull(),
            "environment": [
                "id": 9, "name": deployment.environment, "external_url": urls[deployment.environment] ?? NSNull(),
            ] as JSONObject,
        ]
    }
}
