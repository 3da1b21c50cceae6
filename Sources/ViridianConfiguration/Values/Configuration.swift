import Foundation

/// The configuration from `viridian.yaml` and the files of its apps.
package struct Configuration: Sendable, Hashable {
    /// The absolute path of `viridian.yaml`.
    package var file: String
    /// Where the journal is: the path of a SQLite file, or the URI of a database in PostgreSQL, which may have a password.
    package var journal: String
    /// How long releases are kept there after they have ended; `nil`: for ever.
    package var keep: Duration?
    /// At least one, of different names. The one of `kubernetes` and `nodes`, which has none, is the first.
    package var clusters: [ClusterConfiguration]
    package var server: ServerConfiguration
    /// Sorted by their files' names.
    package var apps: [AppConfiguration]
    package var slack: SlackConfiguration?
    package var hooks: HooksConfiguration
    package var notify: [NotifyConfiguration]
    package var registries: [RegistryConfiguration]
    package var report: ReportConfiguration
    /// In which no release starts.
    package var freeze: [FreezeWindow]

    /// `kubernetes` and `nodes` are the cluster without a name; without `nodes` there is none.
    package init(
        file: String,
        journal: String,
        keep: Duration? = nil,
        kubernetes: KubernetesConfiguration = KubernetesConfiguration(),
        nodes: NodesConfiguration? = nil,
        clusters: [ClusterConfiguration] = [],
        server: ServerConfiguration = ServerConfiguration(),
        apps: [AppConfiguration] = [],
        slack: SlackConfiguration? = nil,
        hooks: HooksConfiguration = HooksConfiguration(),
        notify: [NotifyConfiguration] = [],
        registries: [RegistryConfiguration] = [],
        report: ReportConfiguration = ReportConfiguration(),
        freeze: [FreezeWindow] = []
    ) {
        self.file = file
        self.journal = journal
        self.keep = keep
        let unnamed = nodes.map { ClusterConfiguration(kubernetes: kubernetes, nodes: $0) }
        self.clusters = [unnamed].compactMap(\.self) + clusters
        self.server = server
        self.apps = apps
        self.slack = slack
        self.hooks = hooks
        self.notify = notify
        self.registries = registries
        self.report = report
        self.freeze = freeze
    }

    /// The app of that name.
    package func app(_ name: String) throws(UnknownApp) -> AppConfiguration {
        guard let app = apps.first(where: { $0.name.text == name }) else {
            throw UnknownApp(name: name, known: apps.map(\.name.text).sorted())
        }
        return app
    }
}

/// There is no app of that name.
package struct UnknownApp: Error, Sendable, Hashable, CustomStringConvertible {
    /// The unvalidated name: escape it before showing it.
    package var name: String
    package var known: [String]

    package init(name: String, known: [String]) {
        self.name = name
        self.known = known
    }

    package var description: String {
        let hint = Suggestion.nearest(to: name, among: known).map { "; did you mean \($0)?" } ?? ""
        let others =
            known.isEmpty
            ? "no app is configured yet: `viridian app add NAME` adds one"
            : "known apps: \(known.joined(separator: ", "))"
        return "no app \(Excerpt.quoted(name))\(hint.isEmpty ? ";" : hint) \(others)"
    }
}

/// How to reach the cluster.
package struct KubernetesConfiguration: Sendable, Hashable {
    /// The path of a kubeconfig; `nil` is the in-cluster account, then `$KUBECONFIG`, then `~/.kube/config`.
    package var kubeconfig: String?
    /// The context to use in it; `nil` is the current one.
    package var context: String?

    package init(kubeconfig: String? = nil, context: String? = nil) {
        self.kubeconfig = kubeconfig
        self.context = context
    }
}

/// The address on which the server listens, its public URL, and TLS.
package struct ServerConfiguration: Sendable, Hashable {
    package struct TLS: Sendable, Hashable {
        /// Paths of PEM files.
        package var certificate: String
        package var key: String

        package init(certificate: String, key: String) {
            self.certificate = certificate
            self.key = key
        }
    }

    package var listen: ListenAddress
    /// The URL for people and webhooks, without a trailing slash.
    package var url: URL?
    package var tls: TLS?

    package init(
        listen: ListenAddress = ListenAddress(host: "127.0.0.1", port: 8080), url: URL? = nil, tls: TLS? = nil
    ) {
        self.listen = listen
        self.url = url
        self.tls = tls
    }
}

/// A host and a port to listen on.
package struct ListenAddress: Sendable, Hashable, CustomStringConvertible {
    /// An IP address, without the brackets of IPv6, or a host name.
    package var host: String
    /// 0 is any free port.
    package var port: Int

    package init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    /// `127.0.0.1:8080`, `localhost:8080`, `[::1]:8080`
    package init(_ text: String) throws(InvalidValue) {
        let refused = InvalidValue(field: "listen", expected: Self.expected, found: text)
        guard let colon = text.lastIndex(of: ":"),
            let port = Int(decimal: String(text[text.index(after: colon)...])), (0...65535).contains(port)
        else { throw refused }
        var host = String(text[..<colon])
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = String(host.dropFirst().dropLast())
            guard Grammar.isIPv6(host) else { throw refused }
        } else {
            guard Grammar.isDNSName(host) else { throw refused }
        }
        self.init(host: host, port: port)
    }

    static let expected = "an address and a port such as 127.0.0.1:8080"

    package var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}
