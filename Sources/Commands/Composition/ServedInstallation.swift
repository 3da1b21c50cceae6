import Controller
import Journal
import Kubernetes
import Server
import ViridianConfiguration

/// The configuration's apps as the server asks for them.
struct ServedInstallation: ServedApps {
    let installation: Installation

    var configurations: [AppConfiguration] { installation.configuration.apps }

    func releases(_ app: String, _ provenance: Provenance) throws(UnknownApp) -> AppReleases {
        try installation.releases(app, provenance)
    }

    func checkCluster() async throws {
        _ = try await installation.cluster?.get(path: "/version")
    }
}
