import Foundation
import Kubernetes
import Processes
import Testing

@testable import Sandbox

@Suite("kubectl verbs", .serialized)
struct KubectlTests {
    @Test("version, api-resources and auth can-i")
    func discovery() async throws {
        try await withSandbox { cluster, kubectl in
            #expect(try await kubectl("version").contains("Server Version: v1.28.15"))
            let resources = try await kubectl("api-resources")
            for kind in [
                "Pod", "ReplicationController", "Deployment", "Lease", "EndpointSlice", "HorizontalPodAutoscaler",
                "RoleBinding",
            ] {
                #expect(resources.contains(kind))
            }
            #expect(try await kubectl("auth", "can-i", "delete", "pods", "-n", "blog") == "yes\n")
            cluster.faults.deny(RequestMatcher(verbs: ["delete"], resource: "pods"))
            #expect(
                try await kubectl.command(["auth", "can-i", "delete", "pods", "-n", "blog"]).run().output.hasPrefix(
                    "no"))
            #expect(try await kubectl("get", "nodes").contains("sandbox   Ready"))
            #expect(try await kubectl("get", "ns").contains("kube-system"))
        }
    }

    @Test("roles and autoscalers are applied and stored")
    func roles() async throws {
        try await withSandbox { cluster, kubectl in
            let objects = """
                apiVersion: rbac.authorization.k8s.io/v1
                kind: Role
                metadata: {name: "viridian:x", namespace: blog}
                rules: [{apiGroups: [""], resources: [pods], verbs: [get]}]
                ---
                apiVersion: rbac.authorization.k8s.io/v1
                kind: ClusterRole
                metadata: {name: nodes}
                rules: [{apiGroups: [""], resources: [nodes], verbs: [list]}]
                ---
                apiVersion: autoscaling/v2
                kind: HorizontalPodAutoscaler
                metadata: {name: blog, namespace: blog}
                spec: {maxReplicas: 3, scaleTargetRef: {apiVersion: v1, kind: ReplicationController, name: blog-blue}}

                """
            let first = try await kubectl("apply", "-f", "-", input: objects)
            #expect(first.contains("viridian:x created"), "\(first)")
            let again = try await kubectl("apply", "-f", "-", input: objects)
            #expect(again.contains("clusterrole.rbac.authorization.k8s.io/nodes unchanged"), "\(again)")
            let names = try await kubectl("get", "role,hpa", "-n", "blog", "-o", "name").split(separator: "\n")
            #expect(names.count == 2)
        }
    }

    @Test("a pod template is stored as a controller's is, and a wrong one is refused")
    func podTemplate() async throws {
        try await withSandbox { cluster, kubectl in
            let template = """
                apiVersion: v1
                kind: PodTemplate
                metadata: {name: blog, namespace: blog}
                template: {spec: {containers: [{name: blog, image: "registry.local:5000/blog"}]}}

                """
            let checked = try await kubectl("apply", "--dry-run=server", "-f", "-", input: template)
            #expect(checked == "podtemplate/blog created (server dry run)\n")
            try await kubectl("apply", "-f", "-", input: template)
            let path = "jsonpath={.template.spec.restartPolicy} {.template.spec.terminationGracePeriodSeconds}"
            let filled = try await kubectl("get", "podtemplate", "blog", "-n", "blog", "-o", path)
            #expect(filled == "Always 30")
            let wrong = template.replacing("{name: blog, image: \"registry.local:5000/blog\"}", with: "{name: Blog}")
            let refused = try await kubectl.failing("apply", "--dry-run=server", "-f", "-", input: wrong)
            #expect(refused.contains("template.spec.containers[0].image: Required value"), "\(refused)")
        }
    }

    @Test("apply twice changes what changed, and nothing the second time")
    func apply() async throws {
        try await withSandbox { cluster, kubectl in
            let first = try await kubectl("apply", "-f", "-", input: Samples.controller("blue"))
            #expect(first == "replicationcontroller/blog-blue created\n")
            let again = try await kubectl("apply", "-f", "-", input: Samples.controller("blue"))
            #expect(again == "replicationcontroller/blog-blue unchanged\n")
            let changed = Samples.controller("blue", image: "registry.local:5000/blog:2", replicas: 2)
            #expect(
                try await kubectl("apply", "-f", "-", input: changed) == "replicationcontroller/blog-blue configured\n")
            let object = try await cluster.store.get(.replicationControllers, "blog", "blog-blue")
            let container = object[at: "spec.template.spec.containers"]?[0]
            #expect(container?["image"] == "registry.local:5000/blog:2")
            #expect(container?["readinessProbe"]?["httpGet"]?["port"] == 9000)
            #expect(object[at: "spec.replicas"] == 2)
            #expect(object.meta.generation == 2)
        }
    }

    @Test("server-side apply creates, merges, and removes fields that its manager no longer sets")
    func serverSideApply() async throws {
        try await withSandbox { cluster, kubectl in
            let with =
                "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings, namespace: blog}\ndata: {a: '1', b: '2'}\n"
            let without =
                "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings, namespace: blog}\ndata: {a: '3'}\n"
            let said = try await kubectl("apply", "--server-side", "-f", "-", input: with)
            #expect(said == "configmap/settings serverside-applied\n")
            try await kubectl("patch", "cm", "settings", "-n", "blog", "-p", #"{"data":{"c":"9"}}"#)
            try await kubectl("apply", "--server-side", "-f", "-", input: without)
            let object = try await cluster.store.get(.configMaps, "blog", "settings")
            #expect(object["data"] == ["a": "3", "c": "9"])
        }
    }

    @Test("every kind of patch, labels and annotations")
    func patches() async throws {
        try await withSandbox { cluster, kubectl in
            try await kubectl("apply", "-f", "-", input: Samples.service("blue"))
            try await kubectl("label", "svc", "blog-blue", "-n", "blog", "tier=web")
            try await kubectl("annotate", "svc", "blog-blue", "-n", "blog", "viridian.dev/release=7")
            try await kubectl(
                "patch", "svc", "blog-blue", "-n", "blog", "--type=json", "-p",
                #"[{"op":"replace","path":"/metadata/labels/tier","value":"edge"}]"#)
            try await kubectl(
                "patch", "svc", "blog-blue", "-n", "blog", "--type=merge", "-p",
                #"{"metadata":{"annotations":{"viridian.dev/release":null,"other":"x"}}}"#)
            try await kubectl(
                "patch", "svc", "blog-blue", "-n", "blog", "-p",
                #"{"spec":{"ports":[{"port":9000,"name":"web"}]}}"#)
            let service = try await cluster.store.get(.services, "blog", "blog-blue")
            #expect(service.meta.labels["tier"] == "edge")
            #expect(service.meta.annotations["other"] == "x")
            #expect(service.meta.annotations["viridian.dev/release"] == nil)
            #expect(service[at: "spec.ports"]?.array?.count == 1)
            #expect(service[at: "spec.ports"]?[0]?["name"] == "web")
            try await kubectl("label", "svc", "blog-blue", "-n", "blog", "tier-")
            #expect(try await cluster.store.get(.services, "blog", "blog-blue").meta.labels["tier"] == nil)
        }
    }

    @Test("describe shows pods, services and controllers, with their events")
    func describe() async throws {
        try await withSandbox { cluster, kubectl in
            try await kubectl("apply", "-f", "-", input: Samples.service("blue") + "---\n" + Samples.controller("blue"))
            _ = try await cluster.waitFor(.replicationControllers, "blog-blue") { $0[at: "status.readyReplicas"] == 1 }
            let pod = try #require(await cluster.pods().first)
            let address = try #require(pod[at: "status.podIP"]?.string)
            _ = try await cluster.waitFor(.endpoints, "blog-blue") { $0.text.contains(address) }

            let told = try await kubectl("describe", "pod", pod.meta.name, "-n", "blog")
            #expect(told.contains("Controlled By:  ReplicationController/blog-blue"))
            #expect(told.contains("Successfully assigned blog/\(pod.meta.name) to sandbox"))
            #expect(told.contains("Started container blog"))
            #expect(told.contains("http-get http://:9000/ delay=0s timeout=1s period=10s"))
            let service = try await kubectl("describe", "svc", "blog-blue", "-n", "blog")
            #expect(service.contains("\(address):9000"), "\(service)")
            let controller = try await kubectl("describe", "rc", "blog-blue", "-n", "blog")
            #expect(controller.contains("1 Running / 0 Waiting / 0 Succeeded / 0 Failed"))
            #expect(controller.contains("Created pod: \(pod.meta.name)"))
        }
    }

    @Test("get prints tables, wide tables and YAML, by label and by field, and follows changes")
    func get() async throws {
        try await withSandbox { cluster, kubectl in
            let watching = kubectl.command(["get", "pods", "-n", "blog", "-w"])
            let seen = LineCollector()
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { _ = try? await watching.run(onLine: { await seen.add($0.text) }) }
                _ = try await cluster.store.waitForWatch(.pods)
                try await kubectl("apply", "-f", "-", input: Samples.pod("one", "sleep 1000"))
                await seen.wait { $0.contains("one") && $0.contains("1/1") && $0.contains("Running") }
                group.cancelAll()
            }
            #expect(await seen.lines.filter { $0.hasPrefix("NAME") }.count == 1)
            let wide = try await kubectl("get", "pods", "-n", "blog", "-o", "wide")
            #expect(wide.contains("NOMINATED NODE"))
            #expect(wide.contains("127."))
            #expect(try await kubectl("get", "pod", "one", "-n", "blog", "-o", "yaml").contains("podIP: 127."))
            let running = try await kubectl(
                "get", "pods", "-n", "blog", "--field-selector", "status.phase=Running", "-o", "name")
            #expect(running == "pod/one\n")
            try await kubectl("label", "pod", "one", "-n", "blog", "color=blue")
            #expect(
                try await kubectl("get", "pods", "-n", "blog", "-l", "color in (blue,green)", "-o", "name")
                    == "pod/one\n")
            #expect(try await kubectl("get", "pods", "-n", "blog", "-l", "color notin (blue)", "-o", "name") == "")
            #expect(try await kubectl("get", "pods", "-A").contains("blog        one"))
            #expect(try await kubectl("get", "all", "-n", "blog").contains("pod/one"))
        }
    }

    @Test("logs of the current run, of the previous run, and followed")
    func logs() async throws {
        try await withSandbox { cluster, kubectl in
            let script = "echo run $$; echo second; test -e \"$0.x\" && sleep 1000; exit 3"
            try await kubectl("apply", "-f", "-", input: Samples.pod("crashing", script))
            _ = try await cluster.waitFor(.pods, "crashing") {
                ($0[at: "status.containerStatuses"]?[0]?["restartCount"]?.integer ?? 0) >= 1
            }
            #expect(try await kubectl("logs", "crashing", "-n", "blog", "--previous").hasSuffix("second\n"))
            #expect(try await kubectl("logs", "crashing", "-n", "blog", "--previous", "--tail=1") == "second\n")
            let counting = "for i in 1 2 3 4 5; do echo line $i; sleep 0.1; done"
            try await kubectl(
                "apply", "-f", "-", input: Samples.pod("counting", counting, more: "  restartPolicy: Never"))
            _ = try await cluster.waitFor(.pods, "counting") { $0[at: "status.phase"] != "Pending" }
            let followed = try await kubectl("logs", "counting", "-n", "blog", "-f")
            #expect(followed == "line 1\nline 2\nline 3\nline 4\nline 5\n")
            #expect(
                try await kubectl.failing("logs", "counting", "-n", "blog", "--previous").contains(
                    "previous terminated container"))
        }
    }

    @Test("a deployment rolls out, over and back")
    func deployment() async throws {
        try await withSandbox { cluster, kubectl in
            let deployment = """
                apiVersion: apps/v1
                kind: Deployment
                metadata: {name: web, namespace: blog}
                spec:
                  replicas: 2
                  selector: {matchLabels: {app: web}}
                  template:
                    metadata: {labels: {app: web}}
                    spec:
                      terminationGracePeriodSeconds: 1
                      containers:
                      - {name: blog, image: "registry.local:5000/blog:1", readinessProbe: {tcpSocket: {port: 9000}}}
                """
            try await kubectl("apply", "-f", "-", input: deployment)
            let rolled = try await kubectl("rollout", "status", "deployment/web", "-n", "blog", "--timeout=30s")
            #expect(rolled.contains("deployment \"web\" successfully rolled out"))
            try await kubectl("set", "image", "deployment/web", "blog=registry.local:5000/blog:2", "-n", "blog")
            try await kubectl("rollout", "status", "deployment/web", "-n", "blog", "--timeout=30s")
            try await kubectl("wait", "--for=condition=Available", "deployment/web", "-n", "blog", "--timeout=10s")
            let images = await cluster.pods().filter(\.isActive).compactMap {
                $0[at: "spec.containers"]?[0]?["image"]?.string
            }
            #expect(images == ["registry.local:5000/blog:2", "registry.local:5000/blog:2"])
            #expect(try await kubectl("get", "deploy", "-n", "blog").contains("2/2     2            2"))
            try await kubectl("rollout", "undo", "deployment/web", "-n", "blog")
            try await kubectl("rollout", "status", "deployment/web", "-n", "blog", "--timeout=30s")
            let sets = await cluster.store.list(.replicaSets, ObjectFilter(namespace: "blog"))
            #expect(sets.count == 2)
            try await kubectl("scale", "deployment/web", "-n", "blog", "--replicas=1")
            _ = try await cluster.waitFor(.deployments, "web") {
                $0[at: "status.replicas"] == 1 && $0[at: "status.availableReplicas"] == 1
            }
            try await kubectl("delete", "deployment", "web", "-n", "blog", "--timeout=20s")
            try await kubectl("wait", "-n", "blog", "--for=delete", "pod", "--all", "--timeout=20s")
        }
    }

    @Test("errors have the real API server's messages")
    func errors() async throws {
        try await withSandbox { cluster, kubectl in
            #expect(
                try await kubectl.failing("get", "pod", "nobody", "-n", "blog")
                    == "Error from server (NotFound): pods \"nobody\" not found\n")
            let port = 30_000 + Int.random(in: 0...2_767)
            try await kubectl("create", "-f", "-", input: Samples.service("blue", nodePort: port))
            #expect(
                try await kubectl.failing("create", "-f", "-", input: Samples.service("blue", nodePort: port)).contains(
                    "(AlreadyExists)"))
            let taken = try await kubectl.failing("create", "-f", "-", input: Samples.service("green", nodePort: port))
            #expect(
                taken.contains(
                    "The Service \"blog-green\" is invalid: spec.ports[0].nodePort: Invalid value: \(port): provided port is already allocated"
                ))
            let outside = try await kubectl.failing("create", "-f", "-", input: Samples.service("green", nodePort: 80))
            #expect(outside.contains("The range of valid ports is 30000-32767"))
            let mismatched = Samples.controller("blue").replacing(
                "    name: blog-blue\n  template", with: "    name: other\n  template")
            #expect(
                try await kubectl.failing("create", "-f", "-", input: mismatched).contains(
                    "`selector` does not match template `labels`"))
            #expect(
                try await kubectl.failing("create", "-f", "-", input: Samples.controller("Bl;ue")).contains("RFC 1123"))
            #expect(
                try await kubectl.failing("get", "pods", "-n", "blog", "--field-selector", "spec.color=blue").contains(
                    "field label not supported"))
            let elsewhere = Samples.controller("blue").replacing("namespace: blog", with: "namespace: nowhere")
            #expect(
                try await kubectl.failing("create", "-f", "-", input: elsewhere).contains(
                    "namespaces \"nowhere\" not found"))
        }
    }

    @Test("a dry run changes nothing")
    func dryRun() async throws {
        try await withSandbox { cluster, kubectl in
            try await kubectl("apply", "--dry-run=server", "-f", "-", input: Samples.service("blue"))
            #expect(await cluster.store.list(.services).isEmpty)
            try await kubectl("apply", "-f", "-", input: Samples.service("blue"))
            try await kubectl("delete", "svc", "blog-blue", "-n", "blog", "--dry-run=server")
            #expect(await cluster.store.list(.services).count == 1)
        }
    }

    @Test("a deleted namespace deletes everything in it")
    func namespace() async throws {
        try await withSandbox { cluster, kubectl in
            try await kubectl("apply", "-f", "-", input: Samples.service("blue") + "---\n" + Samples.controller("blue"))
            _ = try await cluster.waitFor(.replicationControllers, "blog-blue") { $0[at: "status.readyReplicas"] == 1 }
            try await kubectl("delete", "namespace", "blog", "--timeout=20s")
            #expect(await cluster.pods().isEmpty)
            #expect(await cluster.store.list(.services).isEmpty)
            #expect(try await kubectl.failing("get", "ns", "blog").contains("NotFound"))
        }
    }
}
