extension ClusterConfiguration {
    static let keys = ["name", "kubeconfig", "context", "nodes"]

    /// The clusters of a configuration, with the one of `kubernetes` and `nodes` first; `nil` if a value without a default is missing or
    /// wrong.
    static func list(_ root: Section) -> [ClusterConfiguration]? {
        let kubernetes = KubernetesConfiguration(root)
        guard root.has("clusters") else {
            return NodesConfiguration(root).map { [ClusterConfiguration(kubernetes: kubernetes, nodes: $0)] }
        }
        var clusters: [ClusterConfiguration?] = []
        if root.has("nodes") {
            clusters.append(
                NodesConfiguration(root).map { ClusterConfiguration(kubernetes: kubernetes, nodes: $0) })
        } else if root.has("kubernetes") {
            root.report(
                "expected `nodes` too: both are the cluster of the apps that name none. Without such apps, remove `kubernetes`: "
                    + "each of `clusters` has its own kubeconfig and context", at: "kubernetes")
        }
        let sections = root.sections("clusters", known: keys)
        if root.isEmpty("clusters") {
            root.report("expected at least one cluster; without this key, the cluster is `kubernetes`", at: "clusters")
        }
        for section in sections {
            let cluster = ClusterConfiguration(section)
            if let cluster { cluster.reportRepetition(of: clusters.compactMap(\.self), section) }
            clusters.append(cluster)
        }
        let known = clusters.compactMap(\.self)
        // Where one is missing it is not known which there are: what an app's file says of them is not told to be wrong.
        let isWhole = !sections.isEmpty && sections.count == root.itemCount("clusters")
        return isWhole && known.count == clusters.count ? known : nil
    }

    private init?(_ section: Section) {
        let name = section.require("name", .clusterName)
        let kubernetes = KubernetesConfiguration(within: section)
        guard let nodes = NodesConfiguration(section), let name else { return nil }
        self.init(name: name, kubernetes: kubernetes, nodes: nodes)
    }

    /// Two names for one cluster are one too many: an app would be released where nobody expects it.
    private func reportRepetition(of others: [ClusterConfiguration], _ section: Section) {
        if others.contains(where: { $0.name == name }) {
            section.report("expected each name once, found \(Excerpt.quoted(label)) more than once", at: "name")
        } else if let same = others.first(where: { $0.kubernetes == kubernetes }) {
            let other = same.name.map { "cluster \($0)" } ?? "`kubernetes`"
            section.report(
                "expected another kubeconfig or context than that of \(other), because both name the same cluster",
                at: kubernetes.context == nil ? "kubeconfig" : "context")
        }
    }
}

extension Kind where Value == String {
    static var clusterName: Kind {
        .text(
            "a name of at most 63 lower-case letters, digits and -, but not \(ClusterConfiguration.unnamed), which is the cluster of "
                + "`kubernetes` and `nodes`"
        ) { Grammar.isDNSLabel($0) && $0 != ClusterConfiguration.unnamed }
    }
}

extension AppConfiguration {
    /// The cluster of an app's file, also where there is none of that name, which is reported; `nil` for the one without a name. `known`
    /// are all clusters; `nil` where they are not known.
    static func cluster(_ section: Section, _ known: [ClusterConfiguration]?) -> String? {
        let labels = known?.map(\.label) ?? []
        let hasUnnamed = known?.contains { $0.name == nil } ?? true
        guard section.has("cluster") else {
            if !hasUnnamed {
                section.report(
                    "missing; expected \(alternatives(labels)): the cluster of the apps that name none would be `nodes` in "
                        + "viridian.yaml, which has only `clusters`", at: "cluster")
            }
            return nil
        }
        guard let name = section.read("cluster", .text("the name of a cluster") { !$0.isEmpty }) else { return nil }
        if known != nil, !labels.contains(name) {
            let found = ", found \(Excerpt.quoted(name))"
            let hint = Suggestion.nearest(to: name, among: labels).map { "; did you mean \($0)?" } ?? ""
            section.report(
                labels == [ClusterConfiguration.unnamed]
                    ? "expected no cluster, because viridian.yaml has no `clusters`\(found)"
                    : "expected a cluster that is configured (\(labels.joined(separator: ", "))\(hint))\(found)",
                at: "cluster")
        }
        return name == ClusterConfiguration.unnamed ? nil : name
    }
}
