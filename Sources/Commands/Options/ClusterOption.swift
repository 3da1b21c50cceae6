import ArgumentParser
import Controller
import ViridianConfiguration

/// The option of verbs that are about one cluster.
struct ClusterOption: ParsableArguments, Sendable {
    @Option(
        help: ArgumentHelp(
            "The cluster, where several are configured; default is the one of `kubernetes` and `nodes`.",
            valueName: "name"),
        completion: .cluster)
    var cluster: String?

    /// The cluster for an app that may not be configured yet: the one that was named, else the one that its file names, else the one of the
    /// apps that name none, else the only one.
    func forNewApp(_ name: AppName, in configuration: Configuration) throws -> ClusterConfiguration {
        if let cluster { return try configuration.cluster(cluster) }
        if let app = configuration.apps.first(where: { $0.name == name }), let own = configuration.cluster(of: app) {
            return own
        }
        if let unnamed = configuration.clusters.first(where: { $0.name == nil }) { return unnamed }
        return try only(of: configuration, for: "the app runs in one of several clusters")
    }

    /// What of the configuration is rendered: everything where there is one cluster, else what concerns the one that was named, or the one
    /// in which `app` runs.
    func narrowed(_ configuration: Configuration, app: AppConfiguration?, for what: String) throws -> Configuration {
        if let cluster {
            let named = try configuration.cluster(cluster)
            guard let app, app.cluster != named.name else { return configuration.narrowed(to: named) }
            throw Refusal(
                "\(app.name) runs in cluster \(app.cluster ?? ClusterConfiguration.unnamed), not in \(cluster)")
        }
        if let own = app.flatMap({ configuration.cluster(of: $0) }) { return configuration.narrowed(to: own) }
        return configuration.narrowed(
            to: try only(of: configuration, for: "\(what) is rendered for one of several clusters"))
    }

    private func only(of configuration: Configuration, for why: String) throws -> ClusterConfiguration {
        guard !configuration.hasSeveralClusters else {
            let known = configuration.clusters.map(\.label).joined(separator: ", ")
            throw Refusal("\(why): name it with --cluster (\(known))")
        }
        return configuration.clusters[0]
    }
}
