/// A cluster and the machines that run nginx before it.
package struct ClusterConfiguration: Sendable, Hashable {
    /// `nil` for the cluster of `kubernetes` and `nodes`, in which apps run that name none.
    package var name: String?
    package var kubernetes: KubernetesConfiguration
    package var nodes: NodesConfiguration

    package init(
        name: String? = nil, kubernetes: KubernetesConfiguration = KubernetesConfiguration(), nodes: NodesConfiguration
    ) {
        self.name = name
        self.kubernetes = kubernetes
        self.nodes = nodes
    }

    /// What the cluster without a name is called where another one has a name.
    package static let unnamed = "default"

    /// What people call it.
    package var label: String { name ?? Self.unnamed }
}

/// There is no cluster of that name.
package struct UnknownCluster: Error, Sendable, Hashable, CustomStringConvertible {
    /// The unvalidated name: escape it before showing it.
    package var name: String
    /// In the configuration's order.
    package var known: [String]

    package var description: String {
        guard known != [ClusterConfiguration.unnamed] else {
            return
                "no cluster \(Excerpt.quoted(name)): viridian.yaml has no `clusters`, so there is one cluster, without a name"
        }
        let hint = Suggestion.nearest(to: name, among: known).map { "; did you mean \($0)?" } ?? ";"
        return "no cluster \(Excerpt.quoted(name))\(hint) known clusters: \(known.joined(separator: ", "))"
    }
}

extension Configuration {
    /// Whether apps have to be told apart by their clusters.
    package var hasSeveralClusters: Bool { clusters.count > 1 }

    /// The cluster that an app runs in; `nil` for an app of another configuration.
    package func cluster(of app: AppConfiguration) -> ClusterConfiguration? {
        clusters.first { $0.name == app.cluster }
    }

    /// The cluster that people call so.
    package func cluster(_ label: String) throws(UnknownCluster) -> ClusterConfiguration {
        guard let cluster = clusters.first(where: { $0.label == label }) else {
            throw UnknownCluster(name: label, known: clusters.map(\.label))
        }
        return cluster
    }

    /// The nodes of the only cluster, or of the first: where there may be several, ``narrowed(to:)`` leaves one.
    package var nodes: NodesConfiguration {
        get { clusters[0].nodes }
        set { clusters[0].nodes = newValue }
    }

    /// How to reach the only cluster, or the first: where there may be several, ``narrowed(to:)`` leaves one.
    package var kubernetes: KubernetesConfiguration {
        get { clusters[0].kubernetes }
        set { clusters[0].kubernetes = newValue }
    }

    /// What of the configuration concerns one cluster: its nodes, and the apps that run there.
    package func narrowed(to cluster: ClusterConfiguration) -> Configuration {
        var narrowed = self
        narrowed.clusters = [cluster]
        narrowed.apps = apps.filter { $0.cluster == cluster.name }
        return narrowed
    }
}
