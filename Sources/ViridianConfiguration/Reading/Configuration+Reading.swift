import Foundation

extension Configuration {
    static let keys = [
        "journal", "keep", "kubernetes", "nodes", "clusters", "server", "apps", "registries", "hooks", "report",
        "freeze", "slack", "notify",
    ]

    /// Reads everything but the apps, and what names apps: freeze windows, Slack's users and the destinations of webhooks. `nil` if a value without a default is missing or wrong.
    init?(_ root: Section) {
        let journal = root.read("journal", .journal, default: root.location.file.resolve("viridian.sqlite"))
        let keep = root.read("keep", .keep)
        let clusters = ClusterConfiguration.list(root)
        let server = ServerConfiguration(root)
        let registries = RegistryConfiguration.list(root)
        let hooks = HooksConfiguration(root)
        let report = ReportConfiguration(root)
        guard let clusters else { return nil }
        self.init(
            file: root.location.file.path, journal: journal, keep: keep, clusters: clusters, server: server,
            hooks: hooks, registries: registries, report: report)
    }
}

extension KubernetesConfiguration {
    init(_ root: Section) {
        guard let section = root.section("kubernetes", known: ["kubeconfig", "context"]) else {
            self.init()
            return
        }
        self.init(within: section)
    }

    /// From a section that has both keys itself.
    init(within section: Section) {
        self.init()
        kubeconfig = section.read("kubeconfig", .path)
        context = section.read("context", .text("the name of a context") { !$0.isEmpty && Grammar.isOneLine($0) })
    }
}

extension ServerConfiguration {
    fileprivate init(_ root: Section) {
        self.init()
        guard let section = root.section("server", known: ["listen", "url", "tls"]) else { return }
        let kind = Kind(ListenAddress.expected) { text throws(InvalidValue) in try ListenAddress(text) }
        listen = section.read("listen", kind, default: listen)
        url = section.read("url", .url)
        guard let files = section.section("tls", known: ["certificate", "key"]) else { return }
        if let certificate = files.require("certificate", .path), let key = files.require("key", .path) {
            tls = TLS(certificate: certificate, key: key)
        }
    }
}
