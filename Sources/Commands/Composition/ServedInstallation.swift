import Controller
import Journal
import Kubernetes
import Server
import ViridianConfiguration

/// The server's `ServedApps`: the configured apps.
struct ServedInstallation: ServedApps {
    let installation: Installation
    /// They are made once: each keeps what it reads current.
    let sharedReadings: [any SharedReadings]

    init(installation: Installation) {
        self.installation = installation
        sharedReadings = installation.sharedReadings()
    }

    var configurations: [AppConfiguration] { installation.configuration.apps }
    var freezes: [FreezeWindow] { installation.configuration.freeze }

    func releases(_ app: String, _ requestOrigin: RequestOrigin) throws(UnknownApp) -> AppReleases {
        try installation.releases(app, requestOrigin)
    }

    var clusters: [String?] { installation.configuration.clusters.map(\.name) }

    func checkCluster(_ name: String?, within limit: Duration?) async throws {
        guard let cluster = installation.clusters.first(where: { $0.configuration.name == name }) else { return }
        guard var client = cluster.client else { throw Refusal(cluster.namedProblem ?? "there is no cluster") }
        if let limit { client.deadline = limit }
        _ = try await client.get(path: "/version")
    }
}
