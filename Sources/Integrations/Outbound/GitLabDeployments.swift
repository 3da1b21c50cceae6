import Foundation
import HTTPTransport
import ReleaseMachine
import ViridianConfiguration

/// Deployments of an environment on GitLab: https://docs.gitlab.com/api/deployments/
///
/// A release is one deployment, created as running and then updated. GitLab counts its DORA figures from them, and tells by itself that an
/// earlier deployment is not the newest any more.
package struct GitLabDeployments: DeploymentForge {
    let api: ForgeConnection

    /// `environment` has the proxies' variables.
    package init(
        _ destination: ReportConfiguration.Destination, environment: [String: String] = [:],
        clock: @escaping @Sendable () -> Date = { Date() }
    ) throws {
        api = try ForgeConnection(
            "GitLab", destination, host: destination.api.hostAndPort,
            headers: ["PRIVATE-TOKEN": destination.token.value, "User-Agent": "viridian"],
            environment: environment, clock: clock)
    }

    package func shutdown() async { await api.shutdown() }

    package func isHome(of repository: SourceRepository) -> Bool { api.isHome(of: repository) }

    package func tells(_ status: DeploymentReport.Status) -> Bool {
        switch status {
        case .queued, .success, .failure, .aborted: true
        case .inProgress, .paused, .promoted, .inactive: false
        }
    }

    package func deliver(_ report: DeploymentReport, _ context: DeliveryContext) async throws -> String {
        guard let repository = SourceRepository(report.source) else {
            throw DeliveryFailure(.refused, "\(report.source) is not the URL of a repository")
        }
        let project = Project(repository)
        let known: String
        if let recorded = context.known {
            known = recorded
        } else if context.isRepeated || report.status != .queued,
            let found = try await find(report, project, taken: try await context.taken())
        {
            try await context.record(found)
            known = found
        } else {
            known = try await create(report, project)
            try await context.record(known)
        }
        guard let wanted = Self.status(report.status) else { return "deployment \(known) is running" }
        let deployment = try await update(known, to: wanted, project)
        let noted = try await noteURL(report, of: deployment, project)
        return "deployment \(known) is \(wanted)\(noted)"
    }

    /// The status that a deployment is updated to; `nil`: it was created with it.
    private static func status(_ status: DeploymentReport.Status) -> String? {
        switch status {
        case .success: "success"
        case .failure: "failed"
        case .aborted: "canceled"
        case .queued, .inProgress, .paused, .promoted, .inactive: nil
        }
    }

    // MARK: - Calls

    private struct Project {
        var name: String
        var path: String

        init(_ repository: SourceRepository) {
            name = repository.path
            path = "/projects/\(PercentEncoding.encode(repository.path))"
        }
    }

    /// The deployment that an earlier attempt made. It carries nothing of ours: it is the newest one of the commit that was made through the
    /// API since the release was requested, and that is no other release's.
    private func find(_ report: DeploymentReport, _ project: Project, taken: Set<String>) async throws -> String? {
        let query = PercentEncoding.query([
            ("environment", report.environment), ("order_by", "id"), ("sort", "desc"), ("per_page", "100"),
        ])
        let answer = try await api.call("GET", "\(project.path)/deployments\(query)")
        guard answer.status == 200 else { throw refusal(answer, project, "the list of deployments") }
        // Clocks may differ by minutes.
        let earliest = report.requestedAt + .seconds(-600)
        return try api.decode([Deployment].self, answer).first { deployment in
            deployment.sha.hasPrefix(report.commit) && deployment.isFromAPI && !taken.contains("\(deployment.id)")
                && deployment.createdAt.map { $0 >= earliest } ?? true
        }.map { "\($0.id)" }
    }

    private func create(_ report: DeploymentReport, _ project: Project) async throws -> String {
        var new = NewDeployment(
            environment: report.environment, sha: report.commit, ref: try await branch(report, project),
            tag: try await isTag(report.ref, project))
        var answer = try await api.call("POST", "\(project.path)/deployments", new)
        if answer.status == 400, answer.message.contains("ref:"), new.ref != new.sha {
            // The branch was deleted when it was merged. The commit is still there, and GitLab takes it for a ref.
            (new.ref, new.tag) = (new.sha, false)
            answer = try await api.call("POST", "\(project.path)/deployments", new)
        }
        guard answer.isSuccess else { throw refusal(answer, project, "the deployment") }
        return "\(try api.decode(Deployment.self, answer).id)"
    }

    /// The branch or tag of the release; GitLab wants one in any case.
    private func branch(_ report: DeploymentReport, _ project: Project) async throws -> String {
        if let ref = report.ref { return ref }
        let answer = try await api.call("GET", project.path)
        guard answer.status == 200 else { throw refusal(answer, project, "the project") }
        struct Settings: Decodable {
            var defaultBranch: String?
            private enum CodingKeys: String, CodingKey { case defaultBranch = "default_branch" }
        }
        return try api.decode(Settings.self, answer).defaultBranch ?? report.commit
    }

    private func isTag(_ ref: String?, _ project: Project) async throws -> Bool {
        guard let ref else { return false }
        let answer = try await api.call("GET", "\(project.path)/repository/tags/\(PercentEncoding.encode(ref))")
        return answer.status == 200
    }

    private func update(_ id: String, to status: String, _ project: Project) async throws -> Deployment {
        let answer = try await api.call("PUT", "\(project.path)/deployments/\(id)", ["status": status])
        if answer.isSuccess { return try api.decode(Deployment.self, answer) }
        guard answer.status == 400 else { throw refusal(answer, project, "the status \(status)") }
        // GitLab refuses the status that a deployment has already.
        let present = try await api.call("GET", "\(project.path)/deployments/\(id)")
        guard present.status == 200 else { throw refusal(present, project, "the deployment") }
        let deployment = try api.decode(Deployment.self, present)
        guard deployment.status == status else { throw refusal(answer, project, "the status \(status)") }
        return deployment
    }

    /// Gives the environment its URL where it has none. One that somebody set is theirs.
    /// - Returns: what to add to the answer when GitLab refuses it: the deployment itself is reported.
    private func noteURL(_ report: DeploymentReport, of deployment: Deployment, _ project: Project) async throws
        -> String
    {
        guard let url = report.environmentURL, let environment = deployment.environment, environment.externalURL == nil
        else { return "" }
        let answer = try await api.call(
            "PUT", "\(project.path)/environments/\(environment.id)", ["external_url": url])
        return answer.isSuccess
            ? ""
            : "; the environment's URL cannot be set (\(answer.status)\(answer.message.isEmpty ? "" : ": ")\(answer.message))"
    }

    private func refusal(_ answer: ForgeConnection.Answer, _ project: Project, _ what: String) -> DeliveryFailure {
        let said = answer.message.isEmpty ? "\(answer.status)" : "\(answer.status): \(answer.message)"
        let advice =
            switch answer.status {
            case 403:
                "the token of report.gitlab needs the scope api and the role Developer in \(project.name), and may have to be "
                    + "allowed to deploy to a protected environment"
            case 404: "\(project.name) or the deployment is not there, or the token of report.gitlab may not see it"
            default: "check \(project.name) on GitLab"
            }
        return DeliveryFailure(.refused, "GitLab refuses \(what) (\(said)): \(advice)")
    }

    // MARK: - Bodies

    private struct NewDeployment: Encodable, Sendable {
        var environment: String
        var sha: String
        var ref: String
        var tag: Bool
        var status = "running"
    }

    private struct Deployment: Decodable, Sendable {
        struct Environment: Decodable, Sendable {
            var id: Int
            var externalURL: String?

            private enum CodingKeys: String, CodingKey {
                case id
                case externalURL = "external_url"
            }
        }

        var id: Int
        var sha: String
        var status: String
        var environment: Environment?
        /// Not a job of a pipeline.
        var isFromAPI: Bool
        var createdAt: Timestamp?

        private enum CodingKeys: String, CodingKey {
            case id, sha, status, environment, deployable
            case createdAt = "created_at"
        }

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            id = try container.decode(Int.self, forKey: .id)
            sha = try container.decode(String.self, forKey: .sha)
            status = try container.decode(String.self, forKey: .status)
            environment = try container.decodeIfPresent(Environment.self, forKey: .environment)
            isFromAPI = try !container.contains(.deployable) || container.decodeNil(forKey: .deployable)
            createdAt = try container.decodeIfPresent(String.self, forKey: .createdAt).flatMap(Timestamp.init(gitlab:))
        }
    }
}

extension Timestamp {
    /// `2016-08-11T11:32:35.444Z`, `2016-08-11T09:36:01.000+02:00`
    fileprivate init?(gitlab text: String) {
        guard
            let date = (try? Date.ISO8601FormatStyle(includingFractionalSeconds: true).parse(text))
                ?? (try? Date.ISO8601FormatStyle().parse(text))
        else { return nil }
        self.init(milliseconds: Int64((date.timeIntervalSince1970 * 1000).rounded()))
    }
}
