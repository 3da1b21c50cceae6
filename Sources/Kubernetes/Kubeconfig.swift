import Foundation
import HTTPTransport

/// One or more kubeconfig files, merged. Entries of earlier files win.
package struct Kubeconfig {
    /// The files that were read, for messages.
    package private(set) var path = ""
    package private(set) var currentContext: String?
    private var contexts: [String: KubeconfigEntry] = [:]
    private var clusters: [String: KubeconfigEntry] = [:]
    private var users: [String: KubeconfigEntry] = [:]

    package var contextNames: [String] { contexts.keys.sorted() }

    /// - Parameters:
    ///   - paths: one file, or the files of `$KUBECONFIG` in order.
    ///   - setting: the setting that named them, for messages about missing files.
    ///   - skipsMissing: skips missing files if at least one exists, as kubectl does for `$KUBECONFIG`.
    /// - Throws: `KubeconfigError` for a file that is missing, unreadable or not a kubeconfig.
    package init(paths: [String], setting: String, skipsMissing: Bool = false) throws(KubeconfigError) {
        let existing = paths.filter { FileManager.default.fileExists(atPath: $0) }
        let wanted = skipsMissing && !existing.isEmpty ? existing : paths
        path = wanted.joined(separator: ":")
        for file in wanted {
            guard let entry = try KubeconfigEntry.read(file, setting: setting) else { continue }
            if currentContext == nil { currentContext = try entry.string("current-context") }
            contexts.merge(try entry.named("contexts", "context")) { first, _ in first }
            clusters.merge(try entry.named("clusters", "cluster")) { first, _ in first }
            users.merge(try entry.named("users", "user")) { first, _ in first }
        }
    }

    /// The access to the cluster of a context; nil: the current context.
    ///
    /// Certificates are validated here, so that an invalid one is reported before the first call.
    package func access(context wanted: String? = nil) throws(KubeconfigError) -> ClusterAccess {
        guard let name = wanted ?? currentContext else {
            throw .noCurrentContext(path: path, available: contextNames)
        }
        guard let context = contexts[name] else {
            throw .noSuchContext(name, path: path, available: contextNames)
        }
        guard let clusterName = try context.string("cluster") else {
            throw .invalidValue(path: context.path, line: context.line, problem: "\(context.title) has no cluster")
        }
        guard let cluster = clusters[clusterName] else {
            throw .noSuchCluster(clusterName, context: name, path: path)
        }
        var user: KubeconfigEntry?
        if let userName = try context.string("user") {
            guard let entry = users[userName] else { throw .noSuchUser(userName, context: name, path: path) }
            user = entry
        }

        let (server, owner) = try Self.server(cluster)
        let proxy = try Self.proxy(cluster)
        let authorities = try cluster.material("certificate-authority")
        var tls = try Self.trust(cluster, authorities: authorities)
        tls.clientCertificate = try user.flatMap(Self.clientCertificate)

        let impersonation = try user.flatMap { user throws(KubeconfigError) in try Impersonation(user) }
        let role = impersonation.map { ", as \($0.user)" } ?? ""
        var info = ExecClusterInfo(server: server)
        info.authorities = authorities
        info.isUnverified = tls.trust == .unverified
        info.serverName = tls.serverName
        info.proxyURL = try cluster.string("proxy-url")
        info.isUncompressed = try cluster.bool("disable-compression")
        info.configuration = try Self.execConfiguration(cluster)
        return ClusterAccess(
            server: server, tls: tls,
            credential: try user.flatMap { user throws(KubeconfigError) in try Self.credential(user, cluster: info) }
                ?? owner,
            impersonation: impersonation,
            proxy: proxy,
            namespace: try context.string("namespace") ?? "default",
            origin: "kubeconfig \(path), context \(name)\(role)")
    }

    // MARK: - Parts

    /// The server's URL without user and password, and these as the default credentials.
    private static func server(_ cluster: KubeconfigEntry) throws(KubeconfigError) -> (String, Credential) {
        guard let server = try cluster.string("server") else {
            throw .invalidValue(path: cluster.path, line: cluster.line, problem: "\(cluster.title) has no server")
        }
        guard let url = URL(string: server), ["http", "https"].contains(url.scheme?.lowercased()), url.host != nil
        else {
            let shown = server.contains("@") ? "" : " \(server)"
            throw .invalidValue(
                path: cluster.path, line: cluster.line,
                problem: "\(cluster.title): server\(shown) is not an http or https URL")
        }
        guard var parts = URLComponents(string: server), let user = parts.user else { return (server, .none) }
        let credential = Credential.basic(username: user, password: parts.password ?? "")
        parts.user = nil
        parts.password = nil
        return (parts.string ?? server, credential)
    }

    /// A cluster's proxy-url is used regardless of `NO_PROXY`.
    private static func proxy(_ cluster: KubeconfigEntry) throws(KubeconfigError) -> ProxyServer? {
        guard let url = try cluster.string("proxy-url") else { return nil }
        do {
            return try ProxyServer(url, origin: "proxy-url")
        } catch {
            throw .unsupported(path: cluster.path, entry: cluster.title, feature: "\(error)")
        }
    }

    /// The configuration for exec plugins in a cluster's extension
    /// (https://kubernetes.io/docs/reference/config-api/client-authentication.v1/#client-authentication-k8s-io-v1-Cluster).
    private static func execConfiguration(_ cluster: KubeconfigEntry) throws(KubeconfigError) -> JSON? {
        for entry in try cluster.entries("extensions")
        where try entry.string("name") == "client.authentication.k8s.io/exec" {
            return try entry.json("extension")
        }
        return nil
    }

    private static func trust(
        _ cluster: KubeconfigEntry, authorities: Data?
    ) throws(KubeconfigError) -> TLSIdentity {
        var tls = TLSIdentity(serverName: try cluster.string("tls-server-name"))
        let isUnverified = try cluster.bool("insecure-skip-tls-verify")
        if let authorities {
            guard !isUnverified else {
                throw .unusableCredential(
                    path: cluster.path, entry: cluster.title,
                    problem: "certificate-authority and insecure-skip-tls-verify exclude each other; remove one")
            }
            tls.trust = .authorities(authorities)
        } else if isUnverified {
            tls.trust = .unverified
        }
        try validate(tls, cluster, hint: "certificate-authority")
        return tls
    }

    private static func clientCertificate(
        _ user: KubeconfigEntry
    ) throws(KubeconfigError) -> TLSIdentity.ClientCertificate? {
        let chain = try user.material("client-certificate")
        let key = try user.material("client-key")
        switch (chain, key) {
        case (nil, nil): return nil
        case (let chain?, let key?):
            let certificate = TLSIdentity.ClientCertificate(chain: chain, key: key)
            try validate(TLSIdentity(clientCertificate: certificate), user, hint: "client-certificate and client-key")
            return certificate
        case (_?, nil):
            throw .unusableCredential(
                path: user.path, entry: user.title, problem: "client-certificate requires client-key")
        case (nil, _?):
            throw .unusableCredential(
                path: user.path, entry: user.title, problem: "client-key requires client-certificate")
        }
    }

    private static func validate(
        _ tls: TLSIdentity, _ entry: KubeconfigEntry, hint: String
    ) throws(KubeconfigError) {
        do {
            try tls.validate()
        } catch {
            throw .unusableCredential(path: entry.path, entry: entry.title, problem: "\(error); correct its \(hint)")
        }
    }

    private static func credential(
        _ user: KubeconfigEntry, cluster: ExecClusterInfo
    ) throws(KubeconfigError) -> Credential? {
        if try user.entry("auth-provider") != nil {
            throw .unsupported(
                path: user.path, entry: user.title,
                feature: "auth-provider is not supported (nor by kubectl since 1.26); use an exec plugin")
        }
        // The order of client-go: token file, token, basic authentication, exec plugin.
        if let file = try user.string("tokenFile") { return .tokenFile(user.resolve(file)) }
        if let token = try user.string("token") { return .token(token) }
        if let name = try user.string("username") {
            return .basic(username: name, password: try user.string("password") ?? "")
        }
        if let exec = try user.entry("exec", title: "\(user.title): exec") {
            return .exec(ExecCredentials(try ExecPlugin(exec, cluster: cluster)))
        }
        return nil
    }
}
