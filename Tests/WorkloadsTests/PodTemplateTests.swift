import Controller
import Kubernetes
import ReleaseMachine
import Testing
import ViridianConfiguration

@testable import Workloads

@Suite("Pod templates as people write them")
struct PodTemplateTests {
    private func template(_ text: String) -> AppConfiguration.Template { .init(path: "apps/blog-pod.yaml", text: text) }

    @Test("what a merge key brings is in the candidate: limits, and the probe by which it is ready")
    func mergeKeys() throws {
        let app = try Blog.app {
            $0.template = template(
                """
                x-common: &common {resources: {limits: {memory: 64Mi}}, readinessProbe: {httpGet: {path: /up, port: 8080}}}
                spec:
                  containers:
                  - {<<: *common, name: blog, image: "registry.local:5000/blog", env: [{name: START, value: 10:30}]}
                """)
        }
        let (object, _) = try Candidate(
            app: app, order: Blog.order(), survey: Blog.survey(replicas: 1), model: nil, serviceLabels: []
        ).made()
        #expect(
            object[at: "spec.template.spec.containers"] == [
                [
                    "name": "blog", "image": .string(Blog.order().image),
                    "resources": ["limits": ["memory": "64Mi"]],
                    "readinessProbe": ["httpGet": ["path": "/up", "port": 8080]],
                    "env": [["name": "START", "value": "10:30"]],
                ]
            ])
    }

    @Test(
        "what kubectl would not send is refused with file and line, before a release and in it",
        arguments: [
            ("spec:\n  containers:\n  - {name: blog, x: .inf}", "apps/blog-pod.yaml:3: JSON has no number .inf"),
            ("spec: {a: 1,\n  a: 2}", "apps/blog-pod.yaml:"),
            ("spec: {}\n---\nspec: {}", "apps/blog-pod.yaml:3: a second document begins here"),
            ("spec:\n  <<: 1", "apps/blog-pod.yaml:2: << needs a mapping or a list of mappings"),
        ])
    func refused(text: String, message: String) async throws {
        let app = try Blog.app { $0.template = template(text) }
        let client = KubernetesClient(ClusterAccess(server: "http://127.0.0.1:1", origin: "test"))
        let trouble = AppCluster(client: client, app: app).templateTrouble
        await client.shutdown()
        #expect(trouble?.hasPrefix(message) == true, "\(trouble ?? "none")")
        let error = #expect(throws: Refusal.self) { try app.template?.object() }
        #expect(error?.message == trouble)
    }

    @Test("a template in which nothing is wrong has no trouble, and nor has none")
    func fine() async throws {
        let client = KubernetesClient(ClusterAccess(server: "http://127.0.0.1:1", origin: "test"))
        var app = try Blog.app()
        #expect(AppCluster(client: client, app: app).templateTrouble == nil)
        app.template = template("{kind: PodTemplate, template: {spec: {containers: [{name: blog}]}}}")
        #expect(AppCluster(client: client, app: app).templateTrouble == nil)
        await client.shutdown()
    }
}
