import Controller
import Kubernetes
import ReleaseMachine
import Testing
import ViridianConfiguration

@testable import Workloads

@Suite("The candidate's workload")
struct CandidateTests {
    // MARK: Mirrors

    /// A pod template with many fields, unknown ones at every level included.
    private static let podSpec = """
        {"initContainers": [{"name": "migrate", "image": "registry.local:5000/migrate:7", "command": ["migrate", "--all"]}],
         "containers": [
           {"name": "proxy", "image": "registry.local:5000/proxy:3", "args": ["--to", "9000"]},
           {"name": "web", "image": "registry.local:5000/blog:20151018.090000", "imagePullPolicy": "IfNotPresent",
            "ports": [{"containerPort": 9000, "protocol": "TCP", "name": "fcgi"}],
            "env": [{"name": "DATABASE_URL", "valueFrom": {"secretKeyRef": {"name": "blog-db", "key": "url"}}},
                    {"name": "EMPTY", "value": ""}, {"name": "COLOR_OF_LOGO", "value": "blue"}],
            "envFrom": [{"configMapRef": {"name": "blog-settings", "optional": true}}],
            "resources": {"limits": {"cpu": "500m", "memory": "64Mi"}, "requests": {"cpu": 1}},
            "readinessProbe": {"httpGet": {"path": "/ready", "port": "fcgi", "httpHeaders": []}, "timeoutSeconds": 3},
            "lifecycle": {"preStop": {"sleep": {"seconds": 5}}}, "volumeMounts": [{"name": "data", "mountPath": "/data"}],
            "securityContext": {"runAsUser": 1000, "capabilities": {"drop": ["ALL"]}}, "unheardOf": {"a": [1, 2.5, null]}}],
         "volumes": [{"name": "data", "emptyDir": {}}, {"name": "unheardOf", "quantumDrive": {"size": 1e3}}],
         "affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [
            {"labelSelector": {"matchLabels": {"name": "blog-blue"}}, "topologyKey": "kubernetes.io/hostname"}]}},
         "tolerations": [{"key": "web", "operator": "Exists"}], "nodeSelector": {"role": "web"}, "hostAliases": [],
         "serviceAccountName": "blog", "terminationGracePeriodSeconds": 60, "dnsPolicy": "ClusterFirst",
         "imagePullSecrets": [{"name": "registry"}], "unheardOf": true}
        """

    private static func template(_ labels: String) -> String {
        """
        {"metadata": {"creationTimestamp": null, "labels": \(labels), "annotations": {"prometheus.io/scrape": "true"},
                      "unheardOf": 1}, "spec": \(podSpec)}
        """
    }

    private static let metadata = """
        {"name": "blog-blue", "namespace": "blog", "uid": "1b2c", "resourceVersion": "778", "generation": 3,
         "creationTimestamp": "2015-10-18T09:00:00Z", "managedFields": [{"manager": "viridian"}],
         "ownerReferences": [{"name": "somebody"}], "finalizers": ["example.com/keep"],
         "labels": {"name": "blog-blue", "color": "blue", "team": "web", "app.kubernetes.io/version": "20151018.090000"},
         "annotations": {"example.com/owner": "anna", "deployment.kubernetes.io/revision": "4",
           "kubectl.kubernetes.io/last-applied-configuration": "{}", "viridian.dev/release": "41",
           "viridian.dev/version": "20151018.090000"}}
        """

    private func candidate(
        _ app: AppConfiguration, _ model: JSON?, order: Order = Blog.order(), survey: Survey = Blog.survey(replicas: 3)
    ) throws -> JSON {
        try CandidateWorkload(app: app, order: order, survey: survey, model: model).makeObject().object
    }

    /// The expected pod spec: another image in one container, everything else unchanged.
    private func newPodSpec() throws -> JSON {
        var spec = try JSON(parsing: Self.podSpec)
        var containers = try #require(spec["containers"]?.array)
        containers[1]["image"] = "registry.local:5000/blog:20151025.143403"
        spec["containers"] = .array(containers)
        // The anti-affinity rule matches the candidate's own pods.
        let machines = try #require(spec[at: "affinity.podAntiAffinity"])
        spec[at: "affinity.podAntiAffinity"] = try JSON(
            parsing: machines.text.replacing("blog-blue", with: "blog-green"))
        return spec
    }

    private let newMetadata: JSON = [
        "name": "blog-green",
        "labels": [
            "name": "blog-green", "color": "green", "team": "web", "app.kubernetes.io/version": "20151025.143403",
            "app.kubernetes.io/managed-by": "viridian",
        ],
        "annotations": [
            "example.com/owner": "anna", "viridian.dev/release": "42", "viridian.dev/version": "20151025.143403",
        ],
    ]

    @Test(
        "a mirrored ReplicationController keeps every field but name, selector, colour labels, image and Viridian's own"
    )
    func mirrorController() throws {
        let model = try JSON(
            parsing: """
                {"apiVersion": "v1", "kind": "ReplicationController", "metadata": \(Self.metadata),
                 "spec": {"replicas": 7, "minReadySeconds": 5, "selector": {"name": "blog-blue"}, "unheardOf": {"deep": [null, {}]},
                          "template": \(Self.template(#"{"name": "blog-blue", "tier": "web", "color": "blue"}"#))},
                 "status": {"replicas": 7}}
                """)
        let made = try candidate(try Blog.app(), model)
        let expected: JSON = [
            "metadata": newMetadata,
            "spec": [
                "replicas": 3, "minReadySeconds": 5, "selector": ["name": "blog-green"],
                "unheardOf": ["deep": [.null, [:]]],
                "template": [
                    "metadata": [
                        "labels": [
                            "name": "blog-green", "tier": "web", "color": "green",
                            "app.kubernetes.io/version": "20151025.143403",
                            "app.kubernetes.io/managed-by": "viridian",
                        ],
                        "annotations": ["prometheus.io/scrape": "true"], "unheardOf": 1,
                    ],
                    "spec": try newPodSpec(),
                ],
            ],
        ]
        #expect(made == expected)
        #expect(made.text == expected.text)
    }

    @Test("a mirrored Deployment keeps its strategy, and finds only its own pods")
    func mirrorDeployment() throws {
        let model = try JSON(
            parsing: """
                {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": \(Self.metadata),
                 "spec": {"replicas": 7, "strategy": {"type": "Recreate"}, "progressDeadlineSeconds": 60, "revisionHistoryLimit": 3,
                          "selector": {"matchLabels": {"name": "blog-blue", "color": "blue", "tier": "web"}},
                          "template": \(Self.template(#"{"name": "blog-blue", "color": "blue", "tier": "web"}"#))}}
                """)
        let made = try candidate(try Blog.app { $0.workload = .deployment }, model)
        #expect(made["metadata"] == newMetadata)
        #expect(made[at: "spec.strategy"] == ["type": "Recreate"])
        #expect(made[at: "spec.progressDeadlineSeconds"] == 60)
        #expect(made[at: "spec.revisionHistoryLimit"] == 3)
        #expect(made[at: "spec.selector"] == ["matchLabels": ["name": "blog-green", "color": "green", "tier": "web"]])
        #expect(made[at: "spec.template.metadata.labels"]?["color"] == "green")
        #expect(made[at: "spec.template.spec"] == (try newPodSpec()))
    }

    @Test("a Deployment's selector keeps its expressions, and a paused rollout does not pause the candidate")
    func expressions() throws {
        let model = try JSON(
            parsing: """
                {"kind": "Deployment", "metadata": \(Self.metadata),
                 "spec": {"paused": true, "selector": {"matchLabels": {"tier": "web"}, "matchExpressions": [
                            {"key": "name", "operator": "In", "values": ["blog-blue", "other"]},
                            {"key": "canary", "operator": "DoesNotExist"}]},
                          "template": \(Self.template(#"{"name": "blog-blue", "tier": "web"}"#))}}
                """)
        let made = try candidate(try Blog.app { $0.workload = .deployment }, model)
        #expect(
            made[at: "spec.selector"] == [
                "matchLabels": ["name": "blog-green", "tier": "web"],
                "matchExpressions": [
                    ["key": "name", "operator": "In", "values": ["blog-green", "other"]],
                    ["key": "canary", "operator": "DoesNotExist"],
                ],
            ])
        #expect(made[at: "spec.paused"] == nil)
    }

    @Test("when the app changes its kind, the pod template stays and the other kind's settings are dropped")
    func otherKind() throws {
        let model = try JSON(
            parsing: """
                {"kind": "ReplicationController", "metadata": \(Self.metadata),
                 "spec": {"replicas": 7, "minReadySeconds": 5, "selector": {"name": "blog-blue"},
                          "template": \(Self.template(#"{"name": "blog-blue"}"#))}}
                """)
        let made = try candidate(try Blog.app { $0.workload = .deployment }, model)
        #expect(made[at: "spec.selector"] == ["matchLabels": ["name": "blog-green"]])
        #expect(made[at: "spec.minReadySeconds"] == nil)
        #expect(made[at: "spec.template.spec"] == (try newPodSpec()))
    }

    @Test("from green back to blue")
    func toBlue() throws {
        let model: JSON = [
            "kind": "ReplicationController", "metadata": ["name": "blog-green"],
            "spec": [
                "selector": ["name": "blog-green"],
                "template": [
                    "metadata": ["labels": ["name": "blog-green"]],
                    "spec": ["containers": [["name": "blog", "image": "registry.local:5000/blog:1"]]],
                ],
            ],
        ]
        let made = try candidate(try Blog.app(), model, survey: Blog.survey(live: .green, replicas: 1))
        #expect(made.name == "blog-blue")
        #expect(made[at: "spec.selector"] == ["name": "blog-blue"])
        #expect(made[at: "spec.template.metadata.labels"]?["name"] == "blog-blue")
    }

    @Test("without a template and a model, a minimal template is used, ready when the port answers")
    func plain() throws {
        let made = try candidate(try Blog.app(), nil, survey: Blog.survey(live: nil, replicas: 1))
        #expect(made.name == "blog-blue")
        #expect(made[at: "spec.replicas"] == 1)
        #expect(
            made[at: "spec.template.spec"] == [
                "containers": [
                    [
                        "name": "blog", "image": "registry.local:5000/blog:20151025.143403",
                        "ports": [["containerPort": 9000]],
                        "readinessProbe": ["tcpSocket": ["port": 9000]],
                    ]
                ]
            ])
    }

    // MARK: Versions

    @Test(
        "the label contains a shortened version, the annotation the full one",
        arguments: [
            (String(repeating: "a", count: 128), String(repeating: "a", count: 63)),
            (
                String(repeating: "a", count: 62) + "-" + String(repeating: "b", count: 65),
                String(repeating: "a", count: 62)
            ),
            ("_nightly", "nightly"), ("1.0-", "1.0"), ("___", ""), ("20151025.143403", "20151025.143403"),
        ])
    func label(_ version: String, _ label: String) throws {
        let made = try candidate(
            try Blog.app(), nil, order: Blog.order(version: version), survey: Blog.survey(live: nil))
        #expect(made[at: "metadata.labels"]?["app.kubernetes.io/version"]?.string == label)
        #expect(made[at: "spec.template.metadata.labels"]?["app.kubernetes.io/version"]?.string == label)
        #expect(made[at: "metadata.annotations"]?["viridian.dev/version"]?.string == version)
        #expect(made.version == version)
    }

    // MARK: Which container

    private func image(of containers: JSON) throws -> (index: Int?, image: String?) {
        let model: JSON = [
            "kind": "ReplicationController",
            "spec": ["selector": [:], "template": ["metadata": ["labels": [:]], "spec": ["containers": containers]]],
        ]
        let made = try candidate(try Blog.app(), model, order: Blog.order(image: "elsewhere:1/blog@sha256:ab"))
        let images = made[at: "spec.template.spec.containers"]?.array?.map { $0["image"]?.string } ?? []
        return (
            images.firstIndex(of: "elsewhere:1/blog@sha256:ab"), CandidateWorkload.image(in: model, of: try Blog.app())
        )
    }

    @Test("the container with the app's image gets the new one, else the one with its name, else the only one")
    func whichContainer() throws {
        let other: JSON = ["name": "blog", "image": "registry.local:5000/blog-exporter:1"]
        for image in ["registry.local:5000/blog", "registry.local:5000/blog:1", "registry.local:5000/blog@sha256:ab"] {
            #expect(try self.image(of: [other, ["name": "web", "image": .string(image)]]) == (1, image))
        }
        #expect(try image(of: [["name": "x", "image": "a"], ["name": "blog", "image": "b"]]) == (1, "b"))
        #expect(try image(of: [["name": "x", "image": "a"]]) == (0, "a"))
    }

    private func imagesOut(_ spec: JSON, _ configure: (inout AppConfiguration) -> Void = { _ in }) throws
        -> (images: [String: String], notes: [String])
    {
        let model: JSON = [
            "kind": "ReplicationController",
            "spec": ["selector": [:], "template": ["metadata": ["labels": [:]], "spec": spec]],
        ]
        let (object, notes) = try CandidateWorkload(
            app: try Blog.app(configure), order: Blog.order(), survey: Blog.survey(), model: model
        ).makeObject()
        let made = object[at: "spec.template.spec"] ?? [:]
        let all = (made["initContainers"]?.array ?? []) + (made["containers"]?.array ?? [])
        return (
            Dictionary(uniqueKeysWithValues: all.map { ($0["name"]?.string ?? "", $0["image"]?.string ?? "") }), notes
        )
    }

    private static let several: JSON = [
        "initContainers": [
            ["name": "migrate", "image": "registry.local:5000/blog:1"], ["name": "wait", "image": "busybox:1.36"],
        ],
        "containers": [
            [
                "name": "worker",
                "image": .string("registry.local:5000/blog@sha256:" + String(repeating: "a", count: 64)),
            ],
            ["name": "blog", "image": "registry.local:5000/blog:1"], ["name": "proxy", "image": "envoy:3"],
        ],
    ]

    @Test(
        "every container and init container of the app's repository gets the image, and the log says which, and what stays"
    )
    func everywhere() throws {
        let new = "registry.local:5000/blog:20151025.143403"
        let (images, notes) = try imagesOut(Self.several)
        #expect(images == ["migrate": new, "worker": new, "blog": new, "wait": "busybox:1.36", "proxy": "envoy:3"])
        #expect(
            notes == [
                "Image \(new) goes into containers worker, blog, migrate (init); "
                    + "unchanged: proxy (envoy:3), wait (busybox:1.36)"
            ])
        #expect(
            try imagesOut(["containers": [["name": "x", "image": "a"]]]).notes == ["Image \(new) goes into container x"]
        )
    }

    @Test("the app's file may list the containers, and an unknown one is an error")
    func chosenContainers() throws {
        let new = "registry.local:5000/blog:20151025.143403"
        let old = "registry.local:5000/blog:1"
        let chosen = try imagesOut(Self.several) { $0.containers = ["blog", "proxy"] }.images
        #expect(chosen["blog"] == new && chosen["proxy"] == new && chosen["migrate"] == old)
        let error = #expect(throws: Refusal.self) {
            try imagesOut(Self.several) { $0.containers = ["blog", "migrat"] }
        }
        #expect(error?.message == "the pod template has no container migrat, which is in `containers` of app blog")
        #expect(error?.details == ["containers: blog, worker, proxy, migrate, wait"])
    }

    @Test("the default registry's names are one repository")
    func defaultRegistry() throws {
        let plain = try ImageReference("blog")
        let images = try imagesOut([
            "initContainers": [["name": "migrate", "image": "index.docker.io/library/blog:1"]],
            "containers": [
                ["name": "web", "image": "docker.io/blog:1"], ["name": "sidecar", "image": "other/blog:1"],
            ],
        ]) { $0.image = plain }.images
        #expect(
            images == [
                "migrate": "registry.local:5000/blog:20151025.143403",
                "web": "registry.local:5000/blog:20151025.143403",
                "sidecar": "other/blog:1",
            ])
    }

    @Test("for a live colour from another registry, all containers of its repository get the image")
    func moved() throws {
        let new = "registry.local:5000/blog:20151025.143403"
        let images = try imagesOut([
            "initContainers": [["name": "migrate", "image": "old.example.com/blog:1"]],
            "containers": [
                ["name": "blog", "image": "old.example.com/blog:1"], ["name": "proxy", "image": "envoy:3"],
            ],
        ]).images
        #expect(images == ["migrate": new, "blog": new, "proxy": "envoy:3"])
    }

    @Test("if the container cannot be determined, nothing is created")
    func ambiguous() throws {
        let error = #expect(throws: Refusal.self) {
            try image(of: [["name": "x", "image": "a"], ["name": "y", "image": "registry.local:5000/blogger:1"]])
        }
        #expect(
            error?.message
                == "no container of the pod template has image registry.local:5000/blog, so the container of blog is unknown"
        )
        #expect(
            error?.details == [
                "containers: x, y", "to fix: name a container blog, or give one the image registry.local:5000/blog",
            ])
    }

    // MARK: Templates

    private func templated(_ text: String) throws -> JSON {
        let app = try Blog.app { $0.template = .init(path: "blog-pod.yaml", text: text) }
        let model: JSON = [
            "kind": "ReplicationController", "spec": ["template": ["spec": ["containers": [["name": "old"]]]]],
        ]
        let made = try candidate(app, model)
        return try #require(made[at: "spec.template"])
    }

    private static let written = """
        metadata:
          labels: {tier: web, name: something-else}
          annotations: {prometheus.io/scrape: "true"}
        spec:
          terminationGracePeriodSeconds: 60
          containers:
          - name: web
            image: registry.local:5000/blog
            args: ["null", "", "8080", "1.10", "yes", ~, plain, 0.5]
            env: [{name: EMPTY, value: ""}, {name: PORT, value: "9000"}]
            ports: [{containerPort: 9000}]
            stdin: true
        """

    @Test(
        "a template is a Pod, a PodTemplate, or its metadata and spec",
        arguments: [
            written, "apiVersion: v1\nkind: Pod\n" + written + "\nstatus: {phase: Running}\n",
            "apiVersion: v1\nkind: PodTemplate\nmetadata: {name: x}\ntemplate:\n"
                + written.split(separator: "\n").map { "  " + $0 }.joined(separator: "\n"),
        ])
    func shapes(_ text: String) throws {
        #expect(
            try templated(text) == [
                "metadata": [
                    "labels": [
                        "tier": "web", "name": "blog-green", "app.kubernetes.io/version": "20151025.143403",
                        "app.kubernetes.io/managed-by": "viridian",
                    ],
                    "annotations": ["prometheus.io/scrape": "true"],
                ],
                "spec": [
                    "terminationGracePeriodSeconds": 60,
                    "containers": [
                        [
                            "name": "web", "image": "registry.local:5000/blog:20151025.143403",
                            "args": ["null", "", "8080", "1.10", "yes", .null, "plain", 0.5],
                            "env": [["name": "EMPTY", "value": ""], ["name": "PORT", "value": "9000"]],
                            "ports": [["containerPort": 9000]], "stdin": true,
                        ]
                    ],
                ],
            ])
    }

    @Test("anchors are resolved")
    func anchors() throws {
        let text = "spec: {containers: [{name: blog, args: &a [x, z], command: *a}]}"
        let container = try #require(try templated(text)[at: "spec.containers"]?[0])
        #expect(container["command"] == ["x", "z"])
    }

    @Test(
        "a file that is not a template is refused by name",
        arguments: [
            ("", "blog-pod.yaml is empty"),
            ("just text", "blog-pod.yaml is not a pod template: it has no spec.containers"),
            ("spec: {containers: []}", "blog-pod.yaml is not a pod template: it has no spec.containers"),
            ("kind: Deployment\nspec: {replicas: 1}", "blog-pod.yaml is not a pod template: it has no spec.containers"),
        ])
    func noTemplate(_ text: String, _ message: String) throws {
        let error = #expect(throws: Refusal.self) { try templated(text) }
        #expect(error?.message == message)
    }

    @Test("a file that is not YAML is refused with the line")
    func noYAML() throws {
        let error = #expect(throws: Refusal.self) { try templated("spec: {containers: [") }
        #expect(error?.message.hasPrefix("blog-pod.yaml:2: ") == true, "\(error?.message ?? "")")
    }
}
