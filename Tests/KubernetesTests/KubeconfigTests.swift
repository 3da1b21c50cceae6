import Foundation
import HTTPTransport
import Kubernetes
import Testing

/// A kubeconfig with one context, `production`; the lines go into its cluster and its user.
func kubeconfig(cluster: String = "", user: String = "token: secret", server: String = "http://127.0.0.1:6443")
    -> String
{
    """
    apiVersion: v1
    kind: Config
    current-context: production
    contexts:
      - name: production
        context: {cluster: main, user: deploy, namespace: blog}
    clusters:
      - name: main
        cluster:
          server: \(server)
          \(cluster.split(separator: "\n").joined(separator: "\n      "))
    users:
      - name: deploy
        user:
          \(user.split(separator: "\n").joined(separator: "\n      "))
    """
}

/// The error that reading a kubeconfig ends with.
private func kubeconfigError(_ operation: () throws -> Void) throws -> String {
    do {
        try operation()
    } catch let error as KubeconfigError {
        return error.description
    }
    throw NoError()
}

private func read(_ folder: Folder, _ text: String, context: String? = nil) throws -> ClusterAccess {
    try ClusterAccess.discover(kubeconfig: folder.write("config", text), context: context)
}

@Suite("kubeconfig")
struct KubeconfigTests {
    @Test("server, namespace, token and origin come from the current context")
    func plain() async throws {
        try await withFolder { folder async throws in
            let access = try read(folder, kubeconfig())
            #expect(access.server == "http://127.0.0.1:6443")
            #expect(access.namespace == "blog")
            #expect(access.origin == "kubeconfig \(folder.path)/config, context production")
            guard case .token("secret") = access.credential else { throw NoError() }
            #expect(access.tls == .system)
        }
    }

    @Test("a token of digits keeps its text")
    func numericToken() async throws {
        try await withFolder { folder async throws in
            guard case .token("0123e4") = try read(folder, kubeconfig(user: "token: 0123e4")).credential else {
                throw NoError()
            }
        }
    }

    @Test("certificates are read from inline data and from files relative to the kubeconfig")
    func certificates() async throws {
        try await withFolder { folder async throws in
            try folder.write("pki/ca.crt", Certificates.certificate)
            try folder.write("pki/me.crt", Certificates.certificate)
            try folder.write("pki/me.key", Certificates.key)
            let expected = TLSIdentity(
                trust: .authorities(Data(Certificates.certificate.utf8)),
                clientCertificate: .init(
                    chain: Data(Certificates.certificate.utf8), key: Data(Certificates.key.utf8)),
                serverName: "kubernetes")
            let files = try read(
                folder,
                kubeconfig(
                    cluster: "certificate-authority: pki/ca.crt\ntls-server-name: kubernetes",
                    user: "client-certificate: pki/me.crt\nclient-key: \(folder.path)/pki/me.key"))
            #expect(files.tls == expected)
            let inline = try read(
                folder,
                kubeconfig(
                    cluster:
                        "certificate-authority-data: \(Certificates.encodedCertificate)\ntls-server-name: kubernetes",
                    user: """
                        client-certificate-data: \(Certificates.encodedCertificate)
                        client-key-data: \(Certificates.encodedKey)
                        """))
            #expect(inline.tls == expected)
            guard case .none = inline.credential else { throw NoError() }
        }
    }

    @Test("no description of access holds a key")
    func secrecy() async throws {
        try await withFolder { folder async throws in
            let access = try read(
                folder,
                kubeconfig(
                    user: """
                        client-certificate-data: \(Certificates.encodedCertificate)
                        client-key-data: \(Certificates.encodedKey)
                        """))
            var dumped = ""
            dump(access.tls, to: &dumped)
            #expect(!"\(access.tls) \(dumped)".contains(Certificates.key))
            #expect(dumped.contains("client certificate"))
        }
    }

    @Test("verification is skipped only where the kubeconfig says so")
    func insecure() async throws {
        try await withFolder { folder async throws in
            #expect(try read(folder, kubeconfig(cluster: "insecure-skip-tls-verify: true")).tls.trust == .unverified)
            #expect(try read(folder, kubeconfig(cluster: "insecure-skip-tls-verify: false")).tls.trust == .system)
        }
    }

    @Test("token files, passwords and their precedence")
    func credentials() async throws {
        try await withFolder { folder async throws in
            let file = try read(folder, kubeconfig(user: "token: x\ntokenFile: run/token"))
            guard case .tokenFile("\(folder.path)/run/token") = file.credential else { throw NoError() }
            let basic = try read(folder, kubeconfig(user: "username: me\npassword: \"007\""))
            guard case .basic("me", "007") = basic.credential else { throw NoError() }
        }
    }

    @Test("merge keys are applied as in Kubernetes' YAML")
    func mergeKeys() async throws {
        try await withFolder { folder async throws in
            let text = kubeconfig(user: "<<: {token: merged, as: ann}").replacing(
                "server: http", with: "server: &s http")
            let access = try read(folder, text)
            guard case .token("merged") = access.credential else { throw NoError() }
            #expect(access.impersonation?.user == "ann")
        }
    }

    @Test("a user and password in the server's URL are credentials, and appear in no message")
    func userInURL() async throws {
        try await withFolder { folder async throws in
            let access = try read(folder, kubeconfig(user: "{}", server: "https://me:se%3Acret@10.0.0.1:6443/k8s"))
            #expect(access.server == "https://10.0.0.1:6443/k8s")
            guard case .basic("me", "se:cret") = access.credential else { throw NoError() }
            let other = try read(folder, kubeconfig(server: "https://me:secret@10.0.0.1:6443"))
            #expect(other.server == "https://10.0.0.1:6443")
            guard case .token = other.credential else { throw NoError() }
        }
    }

    @Test("the proxy is the cluster's, for every address, or else the environment's")
    func proxies() async throws {
        try await withFolder { folder async throws in
            func proxy(_ cluster: String, server: String, _ environment: [String: String]) throws -> String? {
                let path = try folder.write("config", kubeconfig(cluster: cluster, server: server))
                let hostEnvironment = ClusterAccess.HostEnvironment(
                    environment: environment, homeDirectory: folder.path)
                return try ClusterAccess.discover(kubeconfig: path, in: hostEnvironment).proxy?.description
            }
            let named = "proxy-url: http://named:3128"
            let environment = ["HTTPS_PROXY": "http://environment:3128", "NO_PROXY": "10.0.0.0/8,127.0.0.1"]
            #expect(
                try proxy(named, server: "https://127.0.0.1:6443", environment) == "the proxy named:3128 (proxy-url)")
            #expect(try proxy(named, server: "https://10.1.2.3", environment) == "the proxy named:3128 (proxy-url)")
            #expect(
                try proxy("", server: "https://11.1.2.3", environment)
                    == "the proxy environment:3128 (HTTPS_PROXY)")
            #expect(try proxy("", server: "https://10.1.2.3", environment) == nil)
            #expect(try proxy("", server: "https://11.1.2.3", [:]) == nil)
            #expect(
                try kubeconfigError {
                    _ = try proxy("", server: "https://11.1.2.3", ["HTTPS_PROXY": "https://proxy:1"])
                } == "the Kubernetes API cannot be reached through the proxy: HTTPS_PROXY names a proxy with https://, "
                    + "which is not supported; use http:// or socks5://")
        }
    }

    @Test("the files of $KUBECONFIG are merged, the first entry with a name wins, missing files are skipped")
    func merging() async throws {
        try await withFolder { folder async throws in
            let first = try folder.write(
                "first",
                """
                clusters: [{name: main, cluster: {server: "http://first:1"}}]
                users: null
                """)
            let second = try folder.write("second", kubeconfig())
            let hostEnvironment = ClusterAccess.HostEnvironment(
                environment: ["KUBECONFIG": "\(first):\(folder.path)/missing:\(second)"],
                homeDirectory: folder.path, accountDirectory: folder.path)
            let access = try ClusterAccess.discover(in: hostEnvironment)
            #expect(access.server == "http://first:1")
            guard case .token("secret") = access.credential else { throw NoError() }
            #expect(access.origin == "kubeconfig \(first):\(second), context production")
        }
    }

    @Test("the order is: the configured file, the pod's account, $KUBECONFIG, the home directory")
    func order() async throws {
        try await withFolder { folder async throws in
            func named(_ name: String) -> String { kubeconfig(server: "http://\(name):1") }
            let configured = try folder.write("home/configured", named("configured"))
            let variable = try folder.write("variable", named("variable"))
            try folder.write("home/.kube/config", named("home"))
            try folder.write("account/token", "abc\n")
            try folder.write("account/namespace", "viridian")
            try folder.write("account/ca.crt", Certificates.certificate)
            var hostEnvironment = ClusterAccess.HostEnvironment(
                environment: [
                    "KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_SERVICE_PORT": "443", "KUBECONFIG": variable,
                ],
                homeDirectory: folder.path + "/home", accountDirectory: folder.path + "/account")
            #expect(
                try ClusterAccess.discover(kubeconfig: configured, in: hostEnvironment).server == "http://configured:1")
            #expect(
                try ClusterAccess.discover(kubeconfig: "~/configured", in: hostEnvironment).server
                    == "http://configured:1")
            let account = try ClusterAccess.discover(in: hostEnvironment)
            #expect(account.server == "https://10.0.0.1:443")
            #expect(account.namespace == "viridian")
            #expect(account.origin == "the in-cluster account")
            #expect(account.tls.trust == .authorities(Data(Certificates.certificate.utf8)))
            // Contexts exist only in files.
            #expect(
                try ClusterAccess.discover(context: "production", in: hostEnvironment).server == "http://variable:1")
            try folder.write("account/ca.crt", "garbage")
            #expect(
                try kubeconfigError { _ = try ClusterAccess.discover(in: hostEnvironment) }
                    == "the in-cluster account cannot be used: \(folder.path)/account/ca.crt: "
                    + "the certificate authorities are not readable PEM certificates")

            hostEnvironment.environment["KUBERNETES_SERVICE_HOST"] = nil
            #expect(try ClusterAccess.discover(in: hostEnvironment).server == "http://variable:1")
            hostEnvironment.environment["KUBECONFIG"] = nil
            #expect(try ClusterAccess.discover(in: hostEnvironment).server == "http://home:1")
            hostEnvironment.homeDirectory = folder.path
            #expect(
                try kubeconfigError { _ = try ClusterAccess.discover(in: hostEnvironment) }
                    == "no Kubernetes cluster is configured: set kubernetes.kubeconfig or $KUBECONFIG, "
                    + "or create \(folder.path)/.kube/config")
        }
    }
}

@Suite("kubeconfig errors")
struct KubeconfigErrorTests {
    private func message(_ folder: Folder, _ text: String, context: String? = nil) throws -> String {
        try kubeconfigError { _ = try read(folder, text, context: context) }
            .replacingOccurrences(of: folder.path + "/", with: "")
    }

    @Test("a missing file")
    func missing() throws {
        #expect(
            try kubeconfigError { _ = try ClusterAccess.discover(kubeconfig: "/nowhere/config") }
                == "/nowhere/config: there is no such kubeconfig; correct kubernetes.kubeconfig or create the file")
        let hostEnvironment = ClusterAccess.HostEnvironment(
            environment: ["KUBECONFIG": "/nowhere/a:/nowhere/b"], homeDirectory: "/nowhere",
            accountDirectory: "/nowhere")
        #expect(
            try kubeconfigError { _ = try ClusterAccess.discover(in: hostEnvironment) }
                == "/nowhere/a: there is no such kubeconfig; correct $KUBECONFIG or create the file")
    }

    @Test("broken YAML, with its line")
    func brokenYAML() async throws {
        try await withFolder { folder async throws in
            #expect(
                try message(folder, "apiVersion: v1\nclusters:\n  - name: [main\n")
                    == "config:4: the kubeconfig is not valid YAML: did not find expected ',' or ']'")
            #expect(
                try message(folder, "apiVersion: v1\nusers: []\nusers: []\n").contains("duplicate key users"))
            #expect(try message(folder, "just text") == "config:1: a kubeconfig must be a mapping")
        }
    }

    @Test("values of the wrong kind, with their line")
    func wrongKinds() async throws {
        try await withFolder { folder async throws in
            #expect(
                try message(folder, kubeconfig(cluster: "insecure-skip-tls-verify: perhaps"))
                    == "config:11: cluster \"main\": insecure-skip-tls-verify must be true or false")
            #expect(
                try message(folder, kubeconfig(user: "token: [a]")).hasSuffix("user \"deploy\": token must be a string")
            )
            #expect(try message(folder, "contexts: production") == "config:1: contexts must be a list")
            #expect(
                try message(folder, kubeconfig(server: "blog"))
                    == "config:10: cluster \"main\": server blog is not an http or https URL")
        }
    }

    @Test("no such context, cluster or user")
    func dangling() async throws {
        try await withFolder { folder async throws in
            #expect(
                try message(folder, kubeconfig(), context: "staging")
                    == "config: there is no context \"staging\"; available: production")
            #expect(
                try message(folder, "")
                    == "config: no current-context is set; specify one of its contexts (none)")
            #expect(
                try message(folder, kubeconfig().replacingOccurrences(of: "name: main", with: "name: other"))
                    == "config: the context \"production\" names the cluster \"main\", which does not exist; "
                    + "add it or correct the context")
            #expect(
                try message(folder, kubeconfig().replacingOccurrences(of: "name: deploy", with: "name: other"))
                    == "config: the context \"production\" names the user \"deploy\", which does not exist; "
                    + "add it or correct the context")
        }
    }

    @Test("invalid certificates and keys are errors, never ignored")
    func certificates() async throws {
        try await withFolder { folder async throws in
            let good = Certificates.encodedCertificate
            #expect(
                try message(folder, kubeconfig(cluster: "certificate-authority: ca.crt"))
                    == "config: cluster \"main\": certificate-authority ca.crt cannot be read: no such file or directory"
            )
            #expect(
                try message(folder, kubeconfig(cluster: "certificate-authority-data: \"???\""))
                    == "config: cluster \"main\": certificate-authority-data is not base64 text")
            #expect(
                try message(folder, kubeconfig(cluster: "certificate-authority-data: Z2FyYmFnZQ=="))
                    == "config: cluster \"main\": the certificate authorities are not readable PEM certificates; "
                    + "correct its certificate-authority")
            #expect(
                try message(
                    folder,
                    kubeconfig(
                        cluster: "certificate-authority-data: \(good)\ninsecure-skip-tls-verify: true"))
                    == "config: cluster \"main\": certificate-authority and insecure-skip-tls-verify exclude each other; "
                    + "remove one")
            #expect(
                try message(folder, kubeconfig(user: "client-certificate-data: \(good)"))
                    == "config: user \"deploy\": client-certificate requires client-key")
            #expect(
                try message(
                    folder,
                    kubeconfig(
                        user: "client-certificate-data: \(good)\nclient-key-data: Z2FyYmFnZQ=="))
                    == "config: user \"deploy\": the client key is not a readable PEM private key "
                    + "(keys with a passphrase are not supported); correct its client-certificate and client-key")
        }
    }

    @Test("unsupported settings are errors, never ignored")
    func unsupported() async throws {
        try await withFolder { folder async throws in
            #expect(
                try message(folder, kubeconfig(cluster: "proxy-url: https://me:secret@proxy:3128"))
                    == "config: cluster \"main\": proxy-url names a proxy with https://, which is not supported; "
                    + "use http:// or socks5://")
            #expect(
                try message(folder, kubeconfig(user: "token: x\nas-groups: [a]"))
                    == "config: user \"deploy\": as-uid, as-groups and as-user-extra require `as`")
            #expect(
                try message(
                    folder,
                    kubeconfig(
                        user: "exec: {command: x, apiVersion: client.authentication.k8s.io/v1, interactiveMode: Maybe}")
                ) == "config:15: user \"deploy\": exec: interactiveMode must be Never, IfAvailable or Always, not Maybe"
            )
            #expect(
                try message(folder, kubeconfig(user: "auth-provider: {name: gcp}"))
                    == "config: user \"deploy\": auth-provider is not supported (nor by kubectl since 1.26); "
                    + "use an exec plugin")
            #expect(
                try message(folder, kubeconfig(user: "exec: {command: login, apiVersion: v7}"))
                    == "config:15: user \"deploy\": exec: apiVersion must be client.authentication.k8s.io/v1 "
                    + "or client.authentication.k8s.io/v1beta1")
        }
    }
}
