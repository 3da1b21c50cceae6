import Foundation

/// The deployments of GitHub's REST API, as strict as GitHub: https://docs.github.com/en/rest/deployments
package actor FakeGitHub {
    package struct Deployment: Sendable {
        package var id: Int
        package var ref: String
        package var environment: String
        /// JSON.
        package var payload: String
        package var statuses: [Status] = []
    }

    package struct Status: Sendable, Equatable {
        package var state: String
        package var description: String
        package var logURL: String
        package var environmentURL: String
    }

    package nonisolated let weather = ForgeWeather()
    package private(set) var deployments: [Deployment] = []
    /// By repository, the commits that were pushed.
    private let commits: [String: Set<String>]
    private let token: String
    private var mayWrite = true
    private var scopes: String?
    private var lastDay: String?

    package init(token: String, commits: [String: Set<String>]) {
        self.token = token
        self.commits = commits
    }

    /// The token is one of the classic kind, which names its scopes, and has a last day.
    package func classify(_ scopes: String, until day: String? = nil) { (self.scopes, lastDay) = (scopes, day) }
    package func forbidWriting() { mayWrite = false }
    package func allowWriting() { mayWrite = true }

    package nonisolated func answer(_ request: Received) async -> Reply {
        await weather.answer { await act(on: request) }
    }

    private func act(on request: Received) -> Reply {
        guard request.header("User-Agent")?.isEmpty == false else {
            return Self.problem(403, "Request forbidden by administrative rules: a User-Agent is required")
        }
        guard request.header("Authorization") == "Bearer \(token)" else { return Self.problem(401, "Bad credentials") }
        guard request.header("Accept") == "application/vnd.github+json" else {
            return Self.problem(415, "Unsupported 'Accept' header")
        }
        var parts = request.path.split(separator: "/", omittingEmptySubsequences: false).dropFirst().map(String.init)
        // A GitHub Enterprise Server.
        if parts.starts(with: ["api", "v3"]) { parts.removeFirst(2) }
        if request.method == "GET", parts == ["rate_limit"] { return rateLimit() }
        guard parts.count >= 4, parts[0] == "repos", parts[3] == "deployments",
            let known = commits["\(parts[1])/\(parts[2])"]
        else { return Self.problem(404, "Not Found") }
        if request.method == "POST", !mayWrite {
            return Self.problem(403, "Resource not accessible by personal access token")
        }
        switch (request.method, parts.count) {
        case ("GET", 4): return list(request)
        case ("POST", 4): return create(request, known)
        case ("GET", 6) where parts[5] == "statuses": return statuses(Int(parts[4]))
        case ("POST", 6) where parts[5] == "statuses": return add(request, to: Int(parts[4]))
        default: return Self.problem(404, "Not Found")
        }
    }

    private func rateLimit() -> Reply {
        var headers: [String: String] = [:]
        headers["X-OAuth-Scopes"] = scopes
        headers["GitHub-Authentication-Token-Expiration"] = lastDay.map { "\($0) 09:00:00 UTC" }
        var reply = Reply.json(["resources": ["core": ["limit": 5000, "remaining": 4999]]])
        reply.headers.merge(headers) { $1 }
        return reply
    }

    private func list(_ request: Received) -> Reply {
        guard Int(request.query["per_page"] ?? "30").map({ (1...100).contains($0) }) == true else {
            return Self.problem(422, "per_page is not valid")
        }
        let found = deployments.reversed().filter { deployment in
            (request.query["ref"] ?? deployment.ref) == deployment.ref
                && (request.query["environment"] ?? deployment.environment) == deployment.environment
        }
        return .json(found.map(Self.object))
    }

    private func create(_ request: Received, _ known: Set<String>) -> Reply {
        guard let body = request.jsonBody else { return Self.problem(400, "Problems parsing JSON") }
        guard let ref = body["ref"] as? String else {
            return Self.problem(422, "Invalid request: \"ref\" wasn't supplied.")
        }
        guard known.contains(where: { $0.hasPrefix(ref) }) else {
            return Self.problem(422, "No ref found for: \(ref)")
        }
        guard body["auto_merge"] as? Bool == false else {
            return Self.problem(409, "Conflict merging main into \(ref).")
        }
        guard (body["required_contexts"] as? [Any])?.isEmpty == true else {
            return Self.problem(409, "Conflict: Commit status checks failed for \(ref).")
        }
        guard (body["description"] as? String ?? "").count <= 140 else {
            return Self.invalid("Deployment", "description", "is too long (maximum is 140 characters)")
        }
        let payload = body["payload"].flatMap { try? JSONSerialization.data(withJSONObject: $0) } ?? Data("{}".utf8)
        deployments.append(
            Deployment(
                id: 1000 + deployments.count, ref: ref, environment: body["environment"] as? String ?? "production",
                payload: String(decoding: payload, as: UTF8.self)))
        return .json(Self.object(deployments[deployments.count - 1]), status: 201)
    }

    private func statuses(_ id: Int?) -> Reply {
        guard let deployment = deployments.first(where: { $0.id == id }) else { return Self.problem(404, "Not Found") }
        return .json(deployment.statuses.reversed().map(Self.object))
    }

    private func add(_ request: Received, to id: Int?) -> Reply {
        guard let index = deployments.firstIndex(where: { $0.id == id }) else { return Self.problem(404, "Not Found") }
        guard let body = request.jsonBody else { return Self.problem(400, "Problems parsing JSON") }
        let states = ["error", "failure", "inactive", "in_progress", "queued", "pending", "success"]
        guard let state = body["state"] as? String, states.contains(state) else {
            return Self.invalid("DeploymentStatus", "state", "is not included in the list")
        }
        let status = Status(
            state: state, description: body["description"] as? String ?? "", logURL: body["log_url"] as? String ?? "",
            environmentURL: body["environment_url"] as? String ?? "")
        guard status.description.utf16.count <= 140 else {
            return Self.invalid("DeploymentStatus", "description", "is too long (maximum is 140 characters)")
        }
        for (field, url) in [("log_url", status.logURL), ("environment_url", status.environmentURL)] {
            guard url.isEmpty || isWebURL(url) else {
                return Self.invalid("DeploymentStatus", field, "must use http(s) scheme")
            }
        }
        deployments[index].statuses.append(status)
        // What GitHub does unless it is told not to: earlier deployments of the environment are not active any more.
        if state == "success", body["auto_inactive"] as? Bool != false {
            for other in deployments.indices where other < index && deployments[other].statuses.last?.state == "success"
            {
                deployments[other].statuses.append(
                    Status(state: "inactive", description: "by GitHub", logURL: "", environmentURL: ""))
            }
        }
        return .json(Self.object(status), status: 201)
    }

    // MARK: - Answers

    private static func object(_ deployment: Deployment) -> JSONObject {
        [
            "id": deployment.id, "ref": deployment.ref, "sha": deployment.ref, "task": "deploy",
            "environment": deployment.environment,
            "payload": (try? JSONSerialization.jsonObject(with: Data(deployment.payload.utf8))) ?? [:] as JSONObject,
        ]
    }

    private static func object(_ status: Status) -> JSONObject {
        [
            "id": 1, "state": status.state, "description": status.description, "log_url": status.logURL,
            "environment_url": status.environmentURL, "environment": "production",
        ]
    }

    private static func problem(_ status: Int, _ message: String) -> Reply {
        .json(["message": message, "documentation_url": "https://docs.github.com/rest"], status: status)
    }

    private static func invalid(_ resource: String, _ field: String, _ message: String) -> Reply {
        .json(
            [
                "message": "Validation Failed",
                "errors": [["resource": resource, "code": "custom", "field": field, "message": "\(field) \(message)"]],
            ], status: 422)
    }
}
