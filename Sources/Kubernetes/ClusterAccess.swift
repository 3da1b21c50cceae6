import Foundation
import HTTPTransport

/// How to talk to one cluster, and as whom.
package struct ClusterAccess: Sendable {
    /// The URL of the API server.
    package var server: String
    package var tls: TLSIdentity
    package var credential: Credential
    /// As whom to act, where that is another than the credential's account.
    package var impersonation: Impersonation?
    /// Who connects to the API server instead of this program.
    package var proxy: ProxyServer?
    /// The namespace for calls that name none.
    package var namespace: String
    /// Where all this comes from, for messages: `kubeconfig /home/x/.kube/config, context production`.
    package var origin: String

    package init(
        server: String, tls: TLSIdentity = .system, credential: Credential = .none,
        impersonation: Impersonation? = nil, proxy: ProxyServer? = nil, namespace: String = "default", origin: String
    ) {
        self.server = server
        self.tls = tls
        self.credential = credential
        self.impersonation = impersonation
        self.proxy = proxy
        self.namespace = namespace
        self.origin = origin
    }
}

/// What goes into the `Authorization` header, and where it is from.
package enum Credential: Sendable {
    /// None, or only the client certificate of the TLS identity.
    case none
    case token(String)
    /// Read for every call: the kubelet replaces the file while the process runs.
    case tokenFile(String)
    case basic(username: String, password: String)
    case exec(ExecCredentials)
}

extension ClusterAccess {
    /// Where `discover` looks; other values than the real ones are for tests.
    package struct Surroundings: Sendable {
        package var environment: [String: String]
        package var homeDirectory: String
        /// Where the kubelet mounts a pod's service account.
        package var accountDirectory: String

        /// `homeDirectory` is `HOME`, as for kubectl, or else the account's.
        package init(
            environment: [String: String] = ProcessInfo.processInfo.environment,
            homeDirectory: String? = nil,
            accountDirectory: String = "/var/run/secrets/kubernetes.io/serviceaccount"
        ) {
            self.environment = environment
            self.homeDirectory =
                homeDirectory ?? environment["HOME"].flatMap { $0.hasPrefix("/") ? $0 : nil } ?? NSHomeDirectory()
            self.accountDirectory = accountDirectory
        }
    }

    /// The cluster to use: the kubeconfig that the configuration names; else the account of the pod that this runs in;
    /// else the files of `$KUBECONFIG`; else `~/.kube/config`.
    ///
    /// A context without a kubeconfig can only mean one of a file, so the pod's account is passed over then. A proxy is the one that
    /// the kubeconfig names, or else the environment's.
    package static func discover(
        kubeconfig: String? = nil, context: String? = nil, in surroundings: Surroundings = Surroundings()
    ) throws(KubeconfigError) -> ClusterAccess {
        var access = try found(kubeconfig: kubeconfig, context: context, in: surroundings)
        guard access.proxy == nil else { return access }
        do {
            access.proxy = try ProxyEnvironment(surroundings.environment).proxy(for: access.server)
        } catch {
            throw .unusableProxy(problem: "\(error)")
        }
        return access
    }

    private static func found(
        kubeconfig: String?, context: String?, in surroundings: Surroundings
    ) throws(KubeconfigError) -> ClusterAccess {
        let home = surroundings.homeDirectory
        if let kubeconfig {
            let path = kubeconfig.hasPrefix("~/") ? home + kubeconfig.dropFirst() : kubeconfig
            return try Kubeconfig(paths: [path], setting: "kubernetes.kubeconfig").access(context: context)
        }
        if context == nil, let account = try inCluster(surroundings) { return account }
        let listed = (surroundings.environment["KUBECONFIG"] ?? "").split(separator: ":").map(String.init)
        if !listed.isEmpty {
            return try Kubeconfig(paths: listed, setting: "$KUBECONFIG", skipsMissing: true).access(context: context)
        }
        let standard = home + "/.kube/config"
        guard FileManager.default.fileExists(atPath: standard) else {
            throw .nothingConfigured(defaultPath: standard)
        }
        return try Kubeconfig(paths: [standard], setting: standard).access(context: context)
    }

    /// The service account of the pod that this process runs in, nil outside of a pod.
    static func inCluster(_ surroundings: Surroundings) throws(KubeconfigError) -> ClusterAccess? {
        let token = surroundings.accountDirectory + "/token"
        guard let host = surroundings.environment["KUBERNETES_SERVICE_HOST"], !host.isEmpty,
            let port = surroundings.environment["KUBERNETES_SERVICE_PORT"], !port.isEmpty,
            FileManager.default.fileExists(atPath: token)
        else { return nil }
        let authorityFile = surroundings.accountDirectory + "/ca.crt"
        guard let authorities = FileManager.default.contents(atPath: authorityFile) else {
            throw .invalidAccount(problem: "\(authorityFile) cannot be read")
        }
        let tls = TLSIdentity(trust: .authorities(authorities))
        do {
            try tls.validate()
        } catch {
            throw .invalidAccount(problem: "\(authorityFile): \(error)")
        }
        let namespace = FileManager.default.contents(atPath: surroundings.accountDirectory + "/namespace")
            .map { String(decoding: $0, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines) }
        return ClusterAccess(
            server: "https://\(host.contains(":") ? "[\(host)]" : host):\(port)",
            tls: tls, credential: .tokenFile(token), namespace: namespace ?? "default", origin: "the in-cluster account"
        )
    }
}
