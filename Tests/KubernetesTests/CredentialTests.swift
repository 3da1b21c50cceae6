import Foundation
import HTTPTransport
import Kubernetes
import TestSupport
import Testing

/// The message of a call's credential error.
private func credentialError(_ operation: () async throws -> Void) async throws -> String {
    do {
        try await operation()
    } catch let error as CredentialError {
        return error.description
    }
    throw NoError()
}

@Suite("credentials")
struct CredentialTests {
    private static let script: @Sendable (Received, Int) async throws -> Reply = { _, _ in .json(["items": []]) }

    /// A plugin that counts its calls in the file `calls` and prints a token with that number.
    private func plugin(_ folder: Folder, expiry: String = "2999-01-01T00:00:00Z", more: String = "") throws -> String {
        try folder.write(
            "login",
            """
            #!/bin/sh
            cd "$(dirname "$0")"
            echo call >> calls
            n=$(wc -l < calls | tr -d ' ')
            printf '%s' "$KUBERNETES_EXEC_INFO" > info
            cat <<END
            {"kind": "ExecCredential", "apiVersion": "client.authentication.k8s.io/v1",
             "status": {"token": "token-$1-$VARIANT-$n", "expirationTimestamp": "\(expiry)"}}
            END
            """, mode: 0o700)
        return """
            exec:
              apiVersion: client.authentication.k8s.io/v1
              command: ./login
              args: [prod]
              env: [{name: VARIANT, value: v}]
              interactiveMode: Never
              provideClusterInfo: true
            \(more)
            """
    }

    private func client(_ folder: Folder, _ server: ScriptedServer, user: String) throws -> KubernetesClient {
        let path = try folder.write("config", kubeconfig(user: user, server: server.url))
        return KubernetesClient(try ClusterAccess.discover(kubeconfig: path), pause: Pauses().pause)
    }

    @Test("`as` of a user goes into the impersonation headers of every call and watch, as client-go writes them")
    func impersonation() async throws {
        try await withServer(Self.script) { server in
            try await withFolder { folder in
                let client = try client(
                    folder, server,
                    user: """
                        token: secret
                        as: system:serviceaccount:blog:deployer
                        as-uid: "42"
                        as-groups: [blog-deployers, "system:authenticated"]
                        as-user-extra: {example.com/scopes: [read, write], 100%: [y]}
                        """)
                #expect(
                    client.access.origin.hasSuffix(
                        "/config, context production, as system:serviceaccount:blog:deployer"))
                _ = try await client.list(.pods)
                _ = try? await client.followLogs(ofPod: "blog")
                await client.shutdown()
                let requests = await server.requests.all
                #expect(requests.count == 2)
                for request in requests {
                    #expect(request.headers["authorization"] == "Bearer secret")
                    #expect(
                        request.headerLines.filter { $0.hasPrefix("impersonate-") } == [
                            "impersonate-user: system:serviceaccount:blog:deployer", "impersonate-uid: 42",
                            "impersonate-group: blog-deployers", "impersonate-group: system:authenticated",
                            "impersonate-extra-100%25: y", "impersonate-extra-example.com%2fscopes: read",
                            "impersonate-extra-example.com%2fscopes: write",
                        ])
                }
            }
        }
        try await withClient(credential: .token("secret"), Self.script) { client, server in
            _ = try await client.list(.pods)
            #expect(await server.requests.all.allSatisfy { !$0.headerLines.contains { $0.hasPrefix("impersonate-") } })
        }
    }

    @Test("calls and watches go through the proxy that the kubeconfig names")
    func proxy() async throws {
        try await withServer(Self.script) { server in
            let port = server.port
            try await withConnectProxy(to: { $0 == "api.example:6443" ? port : nil }) { proxy in
                try await withFolder { folder in
                    let path = try folder.write(
                        "config",
                        kubeconfig(
                            cluster: "proxy-url: http://127.0.0.1:\(proxy.port)", server: "http://api.example:6443"))
                    let client = KubernetesClient(try ClusterAccess.discover(kubeconfig: path))
                    #expect(try await client.list(.pods).items.isEmpty)
                    var watch = client.watch(.pods).makeAsyncIterator()
                    guard case .snapshot = try await watch.next() else { throw NoError() }
                    await client.shutdown()
                }
            }
        }
    }

    @Test("tokens and passwords go into the Authorization header")
    func headers() async throws {
        try await withClient(credential: .token("secret"), Self.script) { client, server in
            _ = try await client.list(.pods)
            #expect(await server.requests.all.map { $0.headers["authorization"] } == ["Bearer secret"])
        }
        try await withClient(credential: .basic(username: "me", password: "007"), Self.script) { client, server in
            _ = try await client.list(.pods)
            #expect(await server.requests.all.map { $0.headers["authorization"] } == ["Basic bWU6MDA3"])
        }
    }

    @Test("a changed token file is read again; a missing or empty one is an error")
    func tokenFile() async throws {
        try await withFolder { folder in
            let path = try folder.write("token", "first\n")
            try await withClient(credential: .tokenFile(path), Self.script) { client, server in
                _ = try await client.list(.pods)
                try folder.write("token", "second")
                _ = try await client.list(.pods)
                #expect(
                    await server.requests.all.map { $0.headers["authorization"] } == ["Bearer first", "Bearer second"])
                try folder.write("token", " \n")
                let empty = try await credentialError { _ = try await client.list(.pods) }
                #expect(empty == "kubeconfig k, context c: the token file \(path) is empty")
                try FileManager.default.removeItem(atPath: path)
                let gone = try await credentialError { _ = try await client.list(.pods) }
                #expect(gone == "kubeconfig k, context c: the token file \(path) cannot be read")
                #expect(await server.requests.all.count == 2)
            }
        }
    }

    @Test("a plugin runs once for concurrent calls, gets the cluster information, and its token is used")
    func plugin() async throws {
        try await withFolder { folder in
            try await withServer(Self.script) { server in
                let client = try client(folder, server, user: plugin(folder))
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for _ in 0..<5 { group.addTask { _ = try await client.list(.pods) } }
                    try await group.waitForAll()
                }
                await client.shutdown()
                let tokens = await server.requests.all.map { $0.headers["authorization"] }
                #expect(tokens == Array(repeating: "Bearer token-prod-v-1", count: 5))
                #expect(try folder.read("calls") == "call\n")
                #expect(
                    try JSON(parsing: folder.read("info")) == [
                        "apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",
                        "spec": ["interactive": false, "cluster": ["server": .string(server.url)]],
                    ])
            }
        }
    }

    @Test("expired credentials of a plugin are replaced before the next call")
    func expiry() async throws {
        try await withFolder { folder in
            try await withServer(Self.script) { server in
                let client = try client(folder, server, user: plugin(folder, expiry: "2015-10-25T14:34:03Z"))
                _ = try await client.list(.pods)
                _ = try await client.list(.pods)
                await client.shutdown()
                let tokens = await server.requests.all.map { $0.headers["authorization"] }
                #expect(tokens == ["Bearer token-prod-v-1", "Bearer token-prod-v-2"])
            }
        }
    }

    @Test("a refused token is replaced once; a second refusal is the error")
    func refusal() async throws {
        try await withFolder { folder in
            try await withServer({ request, _ in
                request.headers["authorization"] == "Bearer token-prod-v-2"
                    ? .json(["items": []]) : .status(401, "Unauthorized", "Unauthorized")
            }) { server in
                let client = try client(folder, server, user: plugin(folder))
                _ = try await client.list(.pods)
                #expect(try folder.read("calls") == "call\ncall\n")
                await client.shutdown()
            }
            try FileManager.default.removeItem(atPath: folder.path + "/calls")
            try await withServer({ _, _ in .status(401, "Unauthorized", "Unauthorized") }) { server in
                let client = try client(folder, server, user: plugin(folder))
                let error = try await kubernetesError { _ = try await client.list(.pods) }
                #expect(error.isUnauthorized)
                #expect(try folder.read("calls") == "call\ncall\n")
                await client.shutdown()
            }
        }
    }

    @Test("a plugin that is missing, fails or prints invalid output is named, with its hint and its last line")
    func pluginErrors() async throws {
        try await withFolder { folder in
            try await withServer(Self.script) { server in
                func message(_ user: String) async throws -> String {
                    let client = try client(folder, server, user: user)
                    let text = try await credentialError { _ = try await client.list(.pods) }
                    await client.shutdown()
                    return text.replacingOccurrences(of: folder.path + "/", with: "")
                }
                let start =
                    "exec:\n  apiVersion: client.authentication.k8s.io/v1\n  installHint: |\n    get it\n    there\n"
                let missing = try await message(start + "  command: viridian-no-such-login")
                #expect(
                    missing == "config: user \"deploy\": exec: viridian-no-such-login: no such program on PATH; "
                        + "install it, or give its full path (get it there)")
                try folder.write(
                    "fails", "#!/bin/sh\necho first >&2\necho 'session expired' >&2\nexit 3\n", mode: 0o700)
                let failing = try await message(start + "  command: ./fails")
                #expect(failing == "config: user \"deploy\": exec: ./fails exited with status 3: session expired")
                try folder.write("talks", "#!/bin/sh\necho sesame\n", mode: 0o700)
                let talking = try await message(start + "  command: ./talks")
                #expect(talking == "config: user \"deploy\": exec: ./talks did not print JSON")
                #expect(await server.requests.all.isEmpty)
            }
        }
    }
}
