import Foundation
import Integrations
import Journal
import ReleaseMachine
import ViridianConfiguration

/// Reports releases as deployments to the forge that has their source.
package struct DeploymentDestination: OutboxDestination {
    package let name: String
    package let tellsState = true
    package let tellsMilestonesOnly = true
    private let forge: any DeploymentForge
    /// The environment's name at the forge.
    private let environment: String
    /// The server's URL, for links to the release's page; `nil` where none is configured.
    private let server: String?
    /// The first host of each app, for links to the app.
    private let hosts: [String: String]

    static let kind = "deployment"

    package init(
        name: String, forge: any DeploymentForge, environment: String, server: String?, apps: [AppConfiguration]
    ) {
        self.name = name
        self.forge = forge
        self.environment = environment
        self.server = server
        hosts = Dictionary(
            apps.compactMap { app in app.hosts.first.map { (app.name.text, $0) } }, uniquingKeysWith: { $1 })
    }

    /// The destinations of a configuration. `variables` has the proxies'.
    package static func all(_ configuration: Configuration, variables: [String: String]) throws -> [Self] {
        let server = configuration.server.url?.absoluteString
        return try [
            configuration.report.github.map {
                Self(
                    name: "github", forge: try GitHubDeployments($0, environment: variables),
                    environment: $0.environment, server: server, apps: configuration.apps)
            },
            configuration.report.gitlab.map {
                Self(
                    name: "gitlab", forge: try GitLabDeployments($0, environment: variables),
                    environment: $0.environment, server: server, apps: configuration.apps)
            },
        ].compactMap { $0 }
    }

    package func messages(for history: Milestones) throws -> [NewNotification] {
        let order = history.release.order
        guard let repository = order.source.flatMap(SourceRepository.init), forge.isHome(of: repository)
        else { return [] }
        let site = DeploymentReport.Site(server: server, host: hosts[order.app], environment: environment)
        return try DeploymentReport.reports(for: history.all, site).filter { forge.tells($0.status) }.map { report in
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            return NewNotification(
                destination: name, kind: Self.kind, app: report.app, number: report.number,
                message: report.status.rawValue, payload: String(decoding: try encoder.encode(report), as: UTF8.self),
                at: report.at)
        }
    }

    package func deliver(_ notification: OutboxNotification, _ context: DeliveryContext) async throws -> DeliveryOutcome
    {
        let report: DeploymentReport
        do {
            report = try JSONDecoder().decode(DeploymentReport.self, from: Data(notification.payload.utf8))
        } catch {
            throw DeliveryFailure(.refused, "the journal's message cannot be read: \(error)")
        }
        return .delivered(try await forge.deliver(report, context))
    }

    /// A deployment belongs to a commit of a repository: without a release, only the token is tested, and nothing is written.
    package func sendTest() async throws -> String {
        "\(try await forge.checkToken()); nothing was written there"
    }

    package func checkToken() async throws -> ForgeToken { try await forge.checkToken() }

    package func close() async { await forge.shutdown() }
}
