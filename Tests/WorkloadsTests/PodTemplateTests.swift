import Controller
import Kubernetes
import ReleaseMachine
import Testing
import ViridianConfiguration

@testable import Workloads

@Suite("Pod templates in YAML")
struct PodTemplateTests {
    private func template(_ text: String) -> AppConfiguration.Template { .init(path: "apps/blog-pod.yaml", text: text) }

    @Test("values of a merge key are in the candidate: limits and the readiness probe")
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
        let (object, _) = try CandidateWorkload(
            app: app, order: Blog.order(), survey: Blog.survey(replicas: 1), model: nil, serviceLabels: []
        ).makeObject()
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
        "a template that kubectl would reject is refused with file and line, before and during a release",
        arguments: [
            ("spec:\n  containers:\n  - {name: blog, x: .inf}", "apps/blog-pod.yaml:3: JSON has no number .inf"),
            ("spec: {a: 1,\n  a: 2}", "apps/blog-pod.yaml:"),
            ("spec: {}\n---\nspec: {}", "apps/blog-pod.yaml:3: a second document begins here"),
            ("spec:\n  <<: 1", "apps/blog-pod.yaml:2: << requires a mapping or a list of mappings"),
        ])
    func refused(text: String, message: String) async throws {
        let app = try Blog.app { $0.template = template(text) }
        let client = KubernetesClient(ClusterAccess(server: "http://127.0.0.1:1", origin: "test"))
        let trouble = AppCluster(client: client, app: app).templateProblem
        await client.shutdown()
        #expect(trouble?.hasPrefix(message) == true, "\(trouble ?? "none")")
        let error = #expect(throws: Refusal.self) { try app.template?.object() }
        #expect(error?.message == trouble)
    }

    @Test("a valid template, or none, is no problem")
    func fine() async throws {
        let client = KubernetesClient(ClusterAccess(server: "http://127.0.0.1:1", origin: "test"))
        var app = try Blog.app()
        #expect(AppCluster(client: client, app: app).templateProblem == nil)
        app.template = template("{kind: PodTemplate, template: {spec: {containers: [{name: blog}]}}}")
        #expect(AppCluster(client: client, app: app).templateProblem == nil)
        await client.shutdown()
    }
}
