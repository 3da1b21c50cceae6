import Foundation
import HTTPTransport
import ReleaseMachine
import ViridianConfiguration

/// Deployments and their statuses on GitHub or a GitHub Enterprise Server: https://docs.github.com/en/rest/deployments
///
/// A release is one deployment, whose payload names it; each status is added to it.
package struct GitHubDeployments: DeploymentForge {
    let api: ForgeConnection

    /// `environment` has the proxies' variables.
    package init(
        _ destination: ReportConfiguration.Destination, environment: [String: String] = [:],
        clock: @escaping @Sendable () -> Date = { Date() }
    ) throws {
        api = try ForgeConnection(
            "GitHub", destination, host: Self.pagesHost(of: destination.api),
            headers: [
                "Accept": "application/vnd.github+json", "Authorization": "Bearer \(destination.token.value)",
                "User-Agent": "viridian", "X-GitHub-Api-Version": "2022-11-28",
            ],
            environment: environment, clock: clock)
    }

    /// `api.github.com` belongs to `github.com`, `api.acme.ghe.com` to `acme.ghe.com`; a GitHub Enterprise Server has both on one host.
    static func pagesHost(of api: URL) -> String {
        let host = api.hostAndPort
        return host == "api.github.com" || host.hasPrefix("api.") && host.hasSuffix(".ghe.com")
            ? String(host.dropFirst(4)) : host
    }

    package func shutdown() async { await api.shutdown() }

    package func isHome(of repository: SourceRepository) -> Bool { api.isHome(of: repository) }

    package func tells(_ status: DeploymentReport.Status) -> Bool { true }

    package func deliver(_ report: DeploymentReport, _ context: DeliveryContext) async throws -> String {
        guard let repository = SourceRepository(report.source) else {
            throw DeliveryFailure(.refused, "\(report.source) is not the URL of a repository")
        }
        let path =
            "/repos/"
            + repository.path.split(separator: "/").map { PercentEncoding.encode(String($0)) }
            .joined(separator: "/")
        let deployment: String
        if let known = context.known {
            deployment = known
        } else if context.isRepeated || report.status != .queued, let found = try await find(report, path, repository) {
            try await context.record(found)
            deployment = found
        } else if report.status == .inactive {
            return "GitHub has no deployment of \(report.release)"
        } else {
            deployment = try await create(report, path, repository)
            try await context.record(deployment)
        }
        if context.isRepeated, try await hasStatus(report, path, deployment, repository) {
            return "deployment \(deployment) has this status already"
        }
        let answer = try await api.call("POST", "\(path)/deployments/\(deployment)/statuses", Status(report))
        guard answer.status == 201 else { throw refusal(answer, repository, "the status") }
        return "deployment \(deployment) is \(Status(report).state)"
    }

    // MARK: - Calls

    private func find(_ report: DeploymentReport, _ path: String, _ repository: SourceRepository) async throws
        -> String?
    {
        let query = PercentEncoding.query([
            ("ref", report.commit), ("environment", report.environment), ("per_page", "100"),
        ])
        let answer = try await api.call("GET", "\(path)/deployments\(query)")
        guard answer.status == 200 else { throw refusal(answer, repository, "the list of deployments") }
        return try api.decode([Deployment].self, answer).first { $0.payload?.viridian == report.release }
            .map { "\($0.id)" }
    }

    private func create(_ report: DeploymentReport, _ path: String, _ repository: SourceRepository) async throws
        -> String
    {
        let answer = try await api.call("POST", "\(path)/deployments", NewDeployment(report))
        guard answer.status == 201 else { throw refusal(answer, repository, "the deployment") }
        return "\(try api.decode(Deployment.self, answer).id)"
    }

    private func hasStatus(
        _ report: DeploymentReport, _ path: String, _ deployment: String, _ repository: SourceRepository
    ) async throws -> Bool {
        let answer = try await api.call("GET", "\(path)/deployments/\(deployment)/statuses?per_page=100")
        guard answer.status == 200 else { throw refusal(answer, repository, "the statuses") }
        let wanted = Status(report)
        return try api.decode([Status].self, answer).contains {
            $0.state == wanted.state && $0.description == wanted.description
        }
    }

    private func refusal(_ answer: ForgeConnection.Answer, _ repository: SourceRepository, _ what: String)
        -> DeliveryFailure
    {
        let said = answer.message.isEmpty ? "\(answer.status)" : "\(answer.status): \(answer.message)"
        let advice =
            switch answer.status {
            case 403:
                "give it the permission “Deployments: write” for \(repository.path) (a classic token the scope repo_deployment)"
            case 404:
                "\(repository.path) or the deployment is not there, or the token of report.github may not see it"
            case 422:
                "the commit may not have been pushed to \(repository.path), or a value is not as GitHub wants it"
            default: "check \(repository.path) on GitHub"
            }
        return DeliveryFailure(.refused, "GitHub refuses \(what) (\(said)): \(advice)")
    }

    // MARK: - Bodies

    private struct NewDeployment: Encodable, Sendable {
        var ref: String
        var environment: String
        var description: String
        var payload: Payload
        var autoMerge = false
        /// Empty: the release has been decided on, whatever the commit's checks say.
        var requiredContexts: [String] = []

        init(_ report: DeploymentReport) {
            ref = report.commit
            environment = report.environment
            description = "\(report.release) (\(report.version))"
            payload = Payload(viridian: report.release, version: report.version, compare: report.compareURL)
        }

        private enum CodingKeys: String, CodingKey {
            case ref, environment, description, payload
            case autoMerge = "auto_merge"
            case requiredContexts = "required_contexts"
        }
    }

    private struct Payload: Codable, Sendable {
        /// `blog/42`: by this the deployment is found again.
        var viridian: String?
        var version: String?
        var compare: String?
    }

    private struct Deployment: Decodable, Sendable {
        var id: Int
        var payload: Payload?

        private enum CodingKeys: CodingKey { case id, payload }

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            id = try container.decode(Int.self, forKey: .id)
            // An object, or a string, where another program made the deployment.
            payload = try? container.decodeIfPresent(Payload.self, forKey: .payload)
        }
    }

    private struct Status: Codable, Sendable {
        var state: String
        var description: String?
        var logURL: String?
        var environmentURL: String?
        /// The release before is told to be inactive by its own report: GitHub would take the other apps of the repository with it.
        var autoInactive: Bool? = false

        init(_ report: DeploymentReport) {
            state =
                switch report.status {
                case .queued: "queued"
                case .inProgress, .promoted: "in_progress"
                case .paused: "pending"
                case .success: "success"
                case .failure, .aborted: "failure"
                case .inactive: "inactive"
                }
            description = report.description
            logURL = report.logURL
            environmentURL = report.environmentURL
        }

        private enum CodingKeys: String, CodingKey {
            case state, description
            case logURL = "log_url"
            case environmentURL = "environment_url"
            case autoInactive = "auto_inactive"
        }
    }
}

extension URL {
    /// `gitlab.domain.com:8443`; without the port where it is the scheme's own.
    var hostAndPort: String {
        let host = (host ?? "").lowercased()
        guard let port, port != (scheme == "http" ? 80 : 443) else { return host }
        return "\(host):\(port)"
    }
}
