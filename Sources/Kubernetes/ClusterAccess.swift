import Foundation
import HTTPTransport

/// The address of a cluster's API server and the credentials for it.
package struct ClusterAccess: Sendable {
    /// The URL of the API server.
    package var server: String
    package var tls: TLSIdentity
    package var credential: Credential
    /// The account to impersonate; nil: none.
    package var impersonation: Impersonation?
    /// The proxy between this process and the API server.
    package var proxy: ProxyServer?
    /// The namespace of calls that name none.
    package var namespace: String
    /// The source of the configuration, for messages: `kubeconfig /home/x/.kube/config, context production`.
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

/// The source of the `Authorization` header.
package enum Credential: Sendable {
    /// No header; the TLS identity may have a client certificate.
    case none
    case token(String)
    /// Read for every call, as the kubelet replaces the file while the process runs.
    case tokenFile(String)
    case basic(username: String, password: String)
    case exec(ExecCredentials)
}

extension ClusterAccess {
    /// The environment that `discover` reads; tests replace it.
    package struct HostEnvironment: Sendable {
        package var environment: [String: String]
        package var homeDirectory: String
        /// The folder in which the kubelet mounts a pod's service account.
        package var accountDirectory: String

        /// `homeDirectory` defaults to `HOME`, as for kubectl, or else to the account's home directory.
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

    /// The access to the cluster, from the first of: the configured kubeconfig, the in-cluster account, the files of
    /// `$KUBECONFIG`, `~/.kube/config`.
    ///
    /// With a context but no kubeconfig, the in-cluster account is skipped, as contexts exist only in files. The proxy is the
    /// kubeconfig's, or else the environment's. `setting` is where the kubeconfig is configured, for messages.
    package static func discover(
        kubeconfig: String? = nil, context: String? = nil, setting: String = "kubernetes.kubeconfig",
        in hostEnvironment: HostEnvironment = HostEnvironment()
    ) throws(KubeconfigError) -> ClusterAccess {
        var access = try found(kubeconfig: kubeconfig, context: context, setting, in: hostEnvironment)
        guard access.proxy == nil else { return access }
        do {
            access.proxy = try ProxyEnvironment(hostEnvironment.environment).proxy(for: access.server)
        } catch {
            throw .unusableProxy(problem: "\(error)")
        }
        return access
    }

    private static func found(
        kubeconfig: String?, context: String?, _ setting: String, in hostEnvironment: HostEnvironment
    ) throws(KubeconfigError) -> ClusterAccess {
        let home = hostEnvironment.homeDirectory
        if let kubeconfig {
            let path = kubeconfig.hasPrefix("~/") ? home + kubeconfig.dropFirst() : kubeconfig
            return try Kubeconfig(paths: [path], setting: setting).access(context: context)
        }
        if context == nil, let account = try inCluster(hostEnvironment) { return account }
        let listed = (hostEnvironment.environment["KUBECONFIG"] ?? "").split(separator: ":").map(String.init)
        if !listed.isEmpty {
            return try Kubeconfig(paths: listed, setting: "$KUBECONFIG", skipsMissing: true).access(context: context)
        }
        let standard = home + "/.kube/config"
        guard FileManager.default.fileExists(atPath: standard) else {
            throw .nothingConfigured(setting: setting, defaultPath: standard)
        }
        return try Kubeconfig(paths: [standard], setting: standard).access(context: context)
    }

    /// The service account of this process's pod; nil outside a pod.
    static func inCluster(_ hostEnvironment: HostEnvironment) throws(KubeconfigError) -> ClusterAccess? {
        let token = hostEnvironment.accountDirectory + "/token"
        guard let host = hostEnvironment.environment["KUBERNETES_SERVICE_HOST"], !host.isEmpty,
            let port = hostEnvironment.environment["KUBERNETES_SERVICE_PORT"], !port.isEmpty,
            FileManager.default.fileExists(atPath: token)
        else { return nil }
        let authorityFile = hostEnvironment.accountDirectory + "/ca.crt"
        guard let authorities = FileManager.default.contents(atPath: authorityFile) else {
            throw .invalidAccount(problem: "\(authorityFile) cannot be read")
        }
        let tls = TLSIdentity(trust: .authorities(authorities))
        do {
            try tls.validate()
        } catch {
            throw .invalidAccount(problem: "\(authorityFile): \(error)")
        }
        let namespace = FileManager.default.contents(atPath: hostEnvironment.accountDirectory + "/namespace")
            .map { String(decoding: $0, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines) }
        return ClusterAccess(
            server: "https://\(host.contains(":") ? "[\(host)]" : host):\(port)",
            tls: tls, credential: .tokenFile(token), namespace: namespace ?? "default", origin: "the in-cluster account"
        )
    }
}
