import Foundation
import Kubernetes
import Processes
import Testing

extension RealClusterTests {
    /// Requests that the API server may reject.
    @Suite struct RefusalTests {
        @Test("a revoked right is named with the rule to add, and traffic is unchanged")
        func missingRight() async throws {
            try await withRealWorld(.init(replicas: 1)) { world in
                try await world.release("v1")
                let roles = try await world.admin.list(
                    Resource(group: "rbac.authorization.k8s.io", plural: "roles", kind: "Role"),
                    namespace: world.namespace
                ).items
                var role = try #require(roles.first)
                let rules = (role["rules"]?.array ?? []).map { rule in
                    var rule = rule
                    guard rule["resources"]?.array?.contains("replicationcontrollers") == true else { return rule }
                    rule["verbs"] = .array((rule["verbs"]?.array ?? []).filter { $0 != "create" })
                    return rule
                }
                role["rules"] = .array(rules)
                try await world.kubectl("replace", "-f", "-", input: role.text)
                let said = try await world.deploy("v2")
                #expect(said.status == 2, "\(said)")
                let rule = "{apiGroups: [\"\"], resources: [replicationcontrollers], verbs: [create]}"
                #expect(said.output.contains("not allowed to create replicationcontrollers"), "\(said)")
                #expect(said.output.contains(rule), "\(said)")
                #expect(said.output.contains("viridian render rbac blog"), "\(said)")
                try await world.expectLive("v1", on: "blue")
                // The printed rule is sufficient.
                _ = try await world.apply("rbac")
                try await world.release("v2")
            }
        }

        @Test(
            "the release reports an admission webhook's message",
            .enabled(if: hasPython, "no python3 for the webhook"),
            arguments: ["replicationcontrollers", "pods"])
        func webhook(_ resource: String) async throws {
            try await withRealWorld(.init(replicas: 1)) { world in
                try await world.release("v1")
                try await world.withWebhook(denying: resource) {
                    let said = try await world.deploy("v2")
                    #expect(said.status == 2, "\(said)")
                    #expect(said.output.contains("images.example.com"), "\(said)")
                    #expect(said.output.contains("no image without a signature"), "\(said)")
                    #expect(!said.output.contains("not allowed to"), "\(said)")
                }
                try await world.expectLive("v1", on: "blue")
            }
        }

        @Test("a terminating namespace is refused with the server's message, and nothing is left")
        func endingNamespace() async throws {
            try await withRealWorld(.init(replicas: 1)) { world in
                // A finalizer keeps the namespace terminating, so that nothing can be created in it.
                let map = """
                    {"apiVersion": "v1", "kind": "ConfigMap",
                     "metadata": {"name": "keeps", "finalizers": ["example.com/keep"]}}
                    """
                try await world.kubectl("apply", "-f", "-", input: map)
                try await RealCluster.kubectl("delete", "namespace", world.namespace, "--wait=false")
                let said = try await world.deploy("v1")
                try await world.kubectl(
                    "patch", "configmap", "keeps", "--type=merge", "-p", #"{"metadata": {"finalizers": null}}"#)
                #expect(said.status == 1 || said.status == 2, "\(said)")
                try await RealCluster.kubectl("wait", "--for=delete", "namespace/\(world.namespace)", "--timeout=60s")
                try await RealCluster.kubectl("create", "namespace", world.namespace)
            }
        }
    }
}

private let hasPython = FileManager.default.isExecutableFile(atPath: "/usr/bin/python3")

extension RealWorld {
    /// Runs `body` while an admission webhook denies the creation of that resource in the namespace.
    fileprivate func withWebhook(denying resource: String, _ body: @escaping @Sendable () async throws -> Void)
        async throws
    {
        let request = """
            openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout hook.key -out hook.crt \
            -days 1 -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1 2>/dev/null
            """
        let made = try await Command("sh", ["-c", request], workingDirectory: directory).run(deadline: .seconds(20))
        try #require(made.succeeded, "\(made.error)")
        try write(webhook, to: "hook.py")
        let (ports, listening) = AsyncStream.makeStream(of: Int.self)
        let command = Command("/usr/bin/python3", ["-u", directory + "/hook.py"], workingDirectory: directory)
        try await withThrowingTaskGroup(of: Void.self) { group in
            defer { group.cancelAll() }
            group.addTask {
                let ended = try await command.run(onLine: { if let port = Int($0.text) { listening.yield(port) } })
                listening.finish()
                if !Task.isCancelled { Issue.record("the webhook ended: \(ended.error)") }
            }
            var iterator = ports.makeAsyncIterator()
            let port = try #require(await iterator.next())
            let authority = try Data(contentsOf: URL(fileURLWithPath: directory + "/hook.crt")).base64EncodedString()
            try await RealCluster.kubectl("label", "namespace", namespace, "viridian-e2e=\(namespace)")
            let registration = """
                apiVersion: admissionregistration.k8s.io/v1
                kind: ValidatingWebhookConfiguration
                metadata: {name: \(namespace)}
                webhooks:
                - name: images.example.com
                  clientConfig: {url: "https://127.0.0.1:\(port)/", caBundle: \(authority)}
                  rules: [{apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [\(resource)]}]
                  namespaceSelector: {matchLabels: {viridian-e2e: \(namespace)}}
                  admissionReviewVersions: [v1]
                  sideEffects: None
                  timeoutSeconds: 5
                """
            try await RealCluster.kubectl("apply", "-f", "-", input: registration)
            do {
                try await body()
            } catch {
                _ = try? await RealCluster.kubectl("delete", "validatingwebhookconfiguration", namespace)
                throw error
            }
            try await RealCluster.kubectl("delete", "validatingwebhookconfiguration", namespace)
        }
    }

    private var webhook: String {
        """
        import http.server, json, ssl
        class Hook(http.server.BaseHTTPRequestHandler):
            def log_message(self, *words): pass
            def do_POST(self):
                review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                status = {"code": 403, "message": "no image without a signature"}
                answer = {"uid": review["request"]["uid"], "allowed": False, "status": status}
                body = json.dumps({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": answer})
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.end_headers()
                self.wfile.write(body.encode())
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hook)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain("hook.crt", "hook.key")
        server.socket = context.wrap_socket(server.socket, server_side=True)
        print(server.server_port)
        server.serve_forever()

        """
    }
}
