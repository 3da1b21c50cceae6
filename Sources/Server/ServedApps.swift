import Controller
import Journal
import ViridianConfiguration

/// The apps that the server serves. The composition root implements it.
package protocol ServedApps: Sendable {
    /// In the configuration's order.
    var configurations: [AppConfiguration] { get }
    /// When no releases start.
    var freezes: [FreezeWindow] { get }
    /// The releases of one app. Commands on it are written to the audit log with `requestOrigin`.
    func releases(_ app: String, _ requestOrigin: RequestOrigin) throws(UnknownApp) -> AppReleases
    /// The names of the clusters, in the configuration's order; `nil` is the one without a name.
    var clusters: [String?] { get }
    /// For checks of all apps: of each cluster, what its apps have there and on its nodes. An app of none is checked by itself.
    var sharedReadings: [any SharedReadings] { get }
    /// Throws when the cluster's API does not answer, or not within `limit`.
    func checkCluster(_ name: String?, within limit: Duration?) async throws
}

extension ServedApps {
    var sharedReadings: [any SharedReadings] { [] }

    /// For reading only: reads are not written to the audit log.
    func releases(_ app: String) throws(UnknownApp) -> AppReleases {
        try releases(app, RequestOrigin(origin: "server"))
    }

    func configuration(_ app: String) throws(UnknownApp) -> AppConfiguration {
        guard let found = configurations.first(where: { $0.name.text == app }) else {
            throw UnknownApp(name: app, known: configurations.map(\.name.text).sorted())
        }
        return found
    }
}
