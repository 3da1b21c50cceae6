import ViridianConfiguration

/// The configuration's files as a server in a pod needs them, and what that server gets from outside of them.
struct PodConfiguration {
    struct File: Hashable {
        /// In the ConfigMap: letters, digits, `-`, `_` and `.`.
        var key: String
        /// Below /etc/viridian.
        var path: String
        var text: String
    }

    static let port = 8080
    static let journal = "/var/lib/viridian/viridian.sqlite"
    static let identityFile = "/etc/viridian/ssh/id_ed25519"

    /// `viridian.yaml` first.
    let files: [File]
    /// The names of the clusters that a kubeconfig leads to.
    let kubeconfigs: [String]
    /// The environment variables that the files name.
    let variables: [String]

    /// - Throws: `ScaffoldError` where the configuration cannot be that of a pod.
    init(_ configuration: Configuration, _ written: ConfigurationText) throws(ScaffoldError) {
        for cluster in configuration.clusters where cluster.nodes.transport == .local {
            let key = cluster.name.map { "nodes.transport of cluster \($0)" } ?? "nodes.transport"
            throw ScaffoldError(
                "\(key) is local, but a pod cannot reach nginx on its machine: set it to ssh, with the machines as nodes"
            )
        }
        guard configuration.server.tls == nil else {
            throw ScaffoldError(
                "server.tls names files that are not in the pod: remove it, and let TLS end at the cluster's Ingress or load balancer"
            )
        }
        guard written.writtenSecrets.isEmpty else {
            throw ScaffoldError(
                "secrets are written in the configuration, and a ConfigMap is readable for many: write ${NAME} instead in "
                    + written.writtenSecrets.joined(separator: ", "))
        }
        if let outside = written.files.first(where: \.isOutside) {
            throw ScaffoldError(
                "\(outside.path) is outside of the folder of viridian.yaml: move it there, so that its path is the same in the pod"
            )
        }
        variables = written.variables
        var files: [File] = []
        for (index, file) in written.files.enumerated() {
            let path = index == 0 ? ConfigurationFile.name : file.path
            for (folder, owner) in [("ssh/", "the key"), ("clusters/", "the clusters' kubeconfigs")]
            where path.hasPrefix(folder) {
                throw ScaffoldError(
                    "\(path): the folder \(folder.dropLast()) is for \(owner) in the pod; move the file to another one")
            }
            let text = index == 0 ? try Self.edited(file.text, configuration) : file.text
            files.append(File(key: Self.key(path, besides: files), path: path, text: text))
        }
        self.files = files
        kubeconfigs = configuration.clusters.compactMap { $0.isReachedByKubeconfig ? $0.name : nil }
    }

    /// Below /etc/viridian.
    static func kubeconfig(of cluster: String) -> String { "clusters/\(cluster)/kubeconfig" }

    private static func edited(_ text: String, _ configuration: Configuration) throws(ScaffoldError) -> String {
        var yaml = YAMLText(text)
        do {
            // A database on another machine is the same from a pod.
            let isElsewhere = configuration.journal.contains("://")
            if !isElsewhere, !configuration.journal.hasPrefix("/var/lib/viridian/") {
                try yaml.set(["journal"], to: journal)
            }
            try yaml.remove("kubernetes")
            let named = configuration.clusters.filter { $0.name != nil }
            if named.count < configuration.clusters.count {
                try yaml.set(["nodes", "ssh", "identityFile"], to: identityFile)
            }
            for (index, cluster) in named.enumerated() {
                let item = ["clusters", "\(index)"]
                try yaml.set(item + ["nodes", "ssh", "identityFile"], to: identityFile)
                guard let name = cluster.name, cluster.isReachedByKubeconfig else { continue }
                try yaml.set(item + ["kubeconfig"], to: "/etc/viridian/\(kubeconfig(of: name))")
            }
        } catch {
            throw ScaffoldError(
                "viridian.yaml cannot be changed for the pod: \(error). Write it in one line, as `viridian init` does")
        }
        return yaml.text
    }

    /// `apps/blog.yaml` as `apps.blog.yaml`.
    private static func key(_ path: String, besides others: [File]) -> String {
        let allowed: Set<Character> = ["-", "_", "."]
        let key = String(path.map { $0.isASCII && ($0.isLetter || $0.isNumber) || allowed.contains($0) ? $0 : "." })
        let taken = Set(others.map(\.key))
        return ([key] + (2...(others.count + 2)).map { "\(key).\($0)" }).first { !taken.contains($0) } ?? key
    }

    /// Of the files and their paths: the same for the same configuration. FNV-1a, 64 bits.
    var fingerprint: String {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for file in files {
            for byte in Array(file.path.utf8) + [0] + Array(file.text.utf8) + [0] {
                hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3
            }
        }
        let digits = String(hash, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}

extension ClusterConfiguration {
    /// Whether the server in a pod needs a kubeconfig for it; the cluster of `kubernetes`, and one without both keys, is the pod's own.
    fileprivate var isReachedByKubeconfig: Bool {
        name != nil && kubernetes != KubernetesConfiguration()
    }
}
