import Controller
import Journal
import Kubernetes
import Server
import ViridianConfiguration

/// The server's `ServedApps`: the configured apps.
struct ServedInstallation: ServedApps {
    let installation: Installation

    var configurations: [AppConfiguration] { installation.configuration.apps }
    var freezes: [FreezeWindow] { installation.configuration.freeze }

    func releases(_ app: String, _ requestOrigin: RequestOrigin) throws(UnknownApp) -> AppReleases {
        try installation.releases(app, requestOrigin)
    }

    func checkCluster() async throws {
        _ = try await installation.cluster?.get(path: "/version")
    }
}
