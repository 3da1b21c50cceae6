import Foundation
import HTTPTransport
import Kubernetes
import TestSupport
import Testing

@Suite("Kubernetes client")
struct ClientTests {
    private static let pod: JSON = [
        "kind": "Pod", "apiVersion": "v1", "metadata": ["name": "blog-blue-x", "resourceVersion": "7"],
    ]

    @Test("each verb has its method, path, query and body")
    func verbs() async throws {
        try await withClient({ _, _ in .json(Self.pod) }) { client, server in
            _ = try await client.get(.pods, "a b", namespace: "other")
            _ = try await client.get(.nodes, "10.122.43.70")
            _ = try await client.get(.deployments, "blog-blue")
            _ = try await client.create(.services, ["metadata": ["name": "blog-green"]])
            _ = try await client.replace(
                .leases, ["metadata": ["name": "viridian", "namespace": "blog", "resourceVersion": "3"]])
            _ = try await client.patch(
                .services, "blog-blue", .merge(["spec": ["x": .null]], resourceVersion: "5"), dryRun: true)
            _ = try await client.patch(.pods, "p", .json([["op": "remove", "path": "/x"]]))
            _ = try await client.patch(.pods, "p", .apply(["kind": "Pod"], force: true))
            _ = try await client.delete(
                .replicationControllers, "blog-blue", propagation: .foreground, uid: "u-1", resourceVersion: "9",
                gracePeriodSeconds: 0)
            _ = try await client.scale(of: .deployments, "blog-blue")
            _ = try await client.setScale(of: .replicationControllers, "blog-blue", to: 3)
            _ = try await client.get(path: "/version")

            let requests = await server.requests.all
            #expect(
                requests.map { "\($0.method) \($0.path)" } == [
                    "GET /api/v1/namespaces/other/pods/a%20b",
                    "GET /api/v1/nodes/10.122.43.70",
                    "GET /apis/apps/v1/namespaces/blog/deployments/blog-blue",
                    "POST /api/v1/namespaces/blog/services",
                    "PUT /apis/coordination.k8s.io/v1/namespaces/blog/leases/viridian",
                    "PATCH /api/v1/namespaces/blog/services/blog-blue",
                    "PATCH /api/v1/namespaces/blog/pods/p",
                    "PATCH /api/v1/namespaces/blog/pods/p",
                    "DELETE /api/v1/namespaces/blog/replicationcontrollers/blog-blue",
                    "GET /apis/apps/v1/namespaces/blog/deployments/blog-blue/scale",
                    "PATCH /api/v1/namespaces/blog/replicationcontrollers/blog-blue/scale",
                    "GET /version",
                ])
            #expect(requests[3].body == #"{"apiVersion":"v1","kind":"Service","metadata":{"name":"blog-green"}}"#)
            #expect(requests[3].query == ["fieldManager": "viridian"])
            #expect(requests[5].body == #"{"metadata":{"resourceVersion":"5"},"spec":{"x":null}}"#)
            #expect(requests[5].query == ["fieldManager": "viridian", "dryRun": "All"])
            #expect(
                requests[5...7].map { $0.headers["content-type"] } == [
                    "application/merge-patch+json", "application/json-patch+json", "application/apply-patch+yaml",
                ])
            #expect(requests[6].body == #"[{"op":"remove","path":"/x"}]"#)
            #expect(requests[7].query == ["fieldManager": "viridian", "force": "true"])
            #expect(
                try JSON(parsing: requests[8].body) == [
                    "apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Foreground",
                    "gracePeriodSeconds": 0, "preconditions": ["uid": "u-1", "resourceVersion": "9"],
                ])
            #expect(requests[10].body == #"{"spec":{"replicas":3}}"#)
        }
    }

    @Test("a list reads all pages, and its items have a kind")
    func paging() async throws {
        try await withClient({ request, _ in
            let page = Int(request.query["continue"] ?? "0") ?? 0
            var list: JSON = [
                "kind": "PodList", "apiVersion": "v1", "metadata": ["resourceVersion": "40"],
                "items": [["metadata": ["name": .string("p\(page)")]]],
            ]
            if page < 2 { list[at: "metadata.continue"] = .string(String(page + 1)) }
            return .json(list)
        }) { client, server in
            let list = try await client.list(
                .pods, namespace: "blog", labels: "name=blog-blue,tier in (web)", fields: "status.phase=Running",
                pageSize: 1)
            #expect(list.items.map { $0["metadata"]?["name"]?.string } == ["p0", "p1", "p2"])
            #expect(list.items.allSatisfy { $0["kind"] == "Pod" && $0["apiVersion"] == "v1" })
            #expect(list.resourceVersion == "40")
            let requests = await server.requests.all
            #expect(requests.map { $0.query["continue"] } == [nil, "1", "2"])
            #expect(
                requests.allSatisfy {
                    $0.query["limit"] == "1" && $0.query["labelSelector"] == "name=blog-blue,tier in (web)"
                        && $0.query["fieldSelector"] == "status.phase=Running"
                })
            _ = try await client.list(.pods)
            #expect(await server.requests.all.last?.path == "/api/v1/pods")
        }
    }

    @Test("expired pages are read again in one request")
    func expiredPages() async throws {
        try await withClient({ request, number in
            if number == 0 {
                return .json(["metadata": ["continue": "x"], "items": [["metadata": ["name": "old"]]]])
            }
            if request.query["continue"] != nil { return .status(410, "Expired", "too old") }
            return .json(["metadata": ["resourceVersion": "9"], "items": [["metadata": ["name": "new"]]]])
        }) { client, server in
            let list = try await client.list(.pods)
            #expect(list.items.map { $0["metadata"]?["name"]?.string } == ["new"])
            #expect(await server.requests.all.map { $0.query["limit"] } == ["500", "500", nil])
        }
    }

    @Test("a get is retried after 429, 500 and a lost connection, after the delay that the server requested")
    func retries() async throws {
        let pauses = Pauses()
        try await withClient(
            pauses: pauses,
            { _, number in
                switch number {
                case 0: Reply(status: 429, headers: ["Retry-After": "3"])
                case 1: .status(500, "InternalError", "etcd")
                case 2: Reply(steps: [.write("{"), .drop])
                default: .json(Self.pod)
                }
            }
        ) { client, server in
            let object = try await client.get(.pods, "blog-blue-x")
            #expect(object == Self.pod)
            #expect(await server.requests.all.count == 4)
            let waits = await pauses.all
            #expect(waits.count == 3)
            #expect(waits.first == .seconds(3))
        }
    }

    @Test("a create is retried after 429 and not after 500; a bound change after 503 and not after 500")
    func unsafeRetries() async throws {
        let refuseOnce: (Int) -> @Sendable (Received, Int) async throws -> Reply = { first in
            { _, number in number == 0 ? Reply(status: first) : .json(Self.pod) }
        }
        for (status, isRepeated) in [(429, true), (500, false), (503, false)] {
            try await withClient(refuseOnce(status)) { client, server in
                let error = try? await kubernetesError { _ = try await client.create(.pods, Self.pod) }
                #expect(error?.status == (isRepeated ? nil : status))
                #expect(await server.requests.all.count == (isRepeated ? 2 : 1))
            }
        }
        for (status, isRepeated) in [(429, true), (500, false), (503, true)] {
            try await withClient(refuseOnce(status)) { client, server in
                let error = try? await kubernetesError { _ = try await client.replace(.pods, Self.pod) }
                #expect(error?.status == (isRepeated ? nil : status))
            }
        }
    }

    @Test("an error without response names the server and the source of the configuration")
    func unreachable() async throws {
        let port = try unusedPort()
        let client = KubernetesClient(
            ClusterAccess(server: "http://127.0.0.1:\(port)", origin: "kubeconfig /k, context production"),
            pause: Pauses().pause)
        let error = try await kubernetesError { _ = try await client.list(.pods) }
        #expect(
            error.description
                == "cannot reach the Kubernetes API at http://127.0.0.1:\(port) (kubeconfig /k, context production): "
                + "127.0.0.1:\(port) refused the connection: nothing is listening there")
        #expect(error.hasNoResponse)
        #expect(error.isTemporary)
        await client.shutdown()
    }

    @Test("a call to an API server that hangs fails at the deadline")
    func hanging() async throws {
        try await withClient({ _, _ in Reply(steps: [.write("{"), .hang]) }) { client, server in
            var client = client
            client.deadline = .milliseconds(200)
            let error = try await kubernetesError { _ = try await client.get(.pods, "x") }
            #expect(
                error.description
                    == "the Kubernetes API at \(server.url) (kubeconfig k, context c) did not get pods x in namespace blog: "
                    + "127.0.0.1:\(server.port) did not send a complete response within 200 ms")
        }
    }

    @Test("refusals are classified and name the operation")
    func refusals() async throws {
        let script: @Sendable (Received, Int) async throws -> Reply = { request, _ in
            switch request.path.split(separator: "/").last {
            case "gone": .status(404, "NotFound", "pods \"gone\" not found")
            case "old": .status(409, "Conflict", "the object has been modified")
            case "taken": .status(409, "AlreadyExists", "services \"taken\" already exists")
            case "secret": .status(403, "Forbidden", "User \"u\" cannot patch resource \"deployments\"")
            case "webhook":
                .status(403, "Forbidden", "admission webhook \"images.example.com\" denied the request: no tag")
            case "anonymous": .status(401, "Unauthorized", "Unauthorized")
            case "quota": .status(403, "Forbidden", "pods \"quota\" is forbidden: exceeded quota: small")
            case "page": .text("<html>\nnginx", status: 404)
            default: .text("<html>", status: 200)
            }
        }
        try await withClient(script) { client, server in
            let gone = try await kubernetesError { _ = try await client.get(.pods, "gone") }
            #expect(gone.isNotFound)
            #expect(
                gone.description
                    == "the Kubernetes API refused to get pods gone in namespace blog: pods \"gone\" not found")
            let old = try await kubernetesError { _ = try await client.replace(.leases, ["metadata": ["name": "old"]]) }
            #expect(old.isConflict && !old.isAlreadyExists)
            let taken = try await kubernetesError { _ = try await client.delete(.services, "taken") }
            #expect(taken.isAlreadyExists && !taken.isConflict)
            let secret = try await kubernetesError {
                _ = try await client.patch(.deployments, "secret", .merge([:]), namespace: "blog")
            }
            #expect(secret.isForbidden)
            #expect(
                secret.description
                    == "not allowed to patch deployments.apps secret in namespace blog: the account of kubeconfig k, "
                    + "context c needs the rule {apiGroups: [\"apps\"], resources: [deployments], verbs: [patch]} "
                    + "in its role in namespace blog")
            #expect(secret.isDenied && !secret.isRejection)
            let webhook = try await kubernetesError { _ = try await client.get(.pods, "webhook") }
            #expect(
                webhook.description
                    == "the Kubernetes API refused to get pods webhook in namespace blog: "
                    + "admission webhook \"images.example.com\" denied the request: no tag")
            #expect(webhook.isRejection && webhook.isByWebhook && !webhook.isDenied)
            let anonymous = try await kubernetesError { _ = try await client.get(.nodes, "anonymous") }
            #expect(anonymous.isUnauthorized)
            #expect(
                anonymous.description
                    == "the Kubernetes API does not accept the credentials of kubeconfig k, context c "
                    + "(get nodes anonymous): Unauthorized")
            let quota = try await kubernetesError { _ = try await client.get(.pods, "quota") }
            #expect(quota.description.hasSuffix("exceeded quota: small"))
            let page = try await kubernetesError { _ = try await client.get(.nodes, "page") }
            #expect(
                page.description
                    == "the Kubernetes API refused to get nodes page: HTTP status 404: <html> nginx")
            let html = try await kubernetesError { _ = try await client.get(.nodes, "web") }
            #expect(
                html.description
                    == "the response to get nodes web from \(server.url) (kubeconfig k, context c) is not from a Kubernetes API: "
                    + "the response is not JSON")
        }
    }

    @Test("logs are requested with their options, and followed line by line until the container ends")
    func logs() async throws {
        let gate = Gate()
        try await withClient({ request, _ in
            request.query["follow"] == nil
                ? .text("one\ntwo\n") : Reply(steps: [.write("one\ntw"), .wait(gate), .write("o\r\nrest")])
        }) { client, server in
            let options = LogOptions(container: "php", tailLines: 20, previous: true)
            let text = try await client.logs(ofPod: "blog-blue-x", options)
            #expect(text == "one\ntwo\n")
            var lines = try await client.followLogs(ofPod: "blog-blue-x", namespace: "blog").makeAsyncIterator()
            let first = try await lines.next()
            await gate.open()
            let others = [try await lines.next(), try await lines.next(), try await lines.next()]
            #expect([first] + others == ["one", "two", "rest", nil])
            let requests = await server.requests.all
            #expect(requests[0].path == "/api/v1/namespaces/blog/pods/blog-blue-x/log")
            #expect(
                requests[0].query == [
                    "container": "php", "tailLines": "20", "previous": "true", "limitBytes": "1048576",
                ])
            #expect(requests[1].query == ["follow": "true"])
        }
    }

    @Test("a log that cannot be followed is an error with the reason")
    func noLogs() async throws {
        try await withClient({ _, _ in .status(400, "BadRequest", "container \"php\" is waiting to start") }) {
            client, _ in
            let error = try await kubernetesError { _ = try await client.followLogs(ofPod: "x") }
            #expect(
                error.description
                    == "the Kubernetes API refused to get pods/log x in namespace blog: container \"php\" is waiting to start"
            )
        }
    }

    @Test("permissions are read from the API server")
    func rights() async throws {
        try await withClient({ request, _ in
            .json(["status": ["allowed": .bool(request.body.contains("\"verb\":\"patch\""))]], status: 201)
        }) { client, server in
            let answers = [
                try await client.isAllowed("patch", .deployments, namespace: "blog"),
                try await client.isAllowed("delete", .deployments, namespace: "blog"),
            ]
            #expect(answers == [true, false])
            let request = try #require(await server.requests.all.first)
            #expect(request.path == "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews")
            #expect(
                try JSON(parsing: request.body)[at: "spec.resourceAttributes"] == [
                    "verb": "patch", "group": "apps", "resource": "deployments", "namespace": "blog",
                ])
        }
    }
}
