import Controller
import Kubernetes
import ReleaseMachine
import Testing
import ViridianConfiguration

@testable import Workloads

@Suite("Ownership metadata of other programs is not copied")
struct OwnershipTests {
    private func model(
        labels: JSON = [:], annotations: JSON = [:], template: JSON = ["name": "blog-blue"], selector: JSON? = nil
    )
        -> JSON
    {
        [
            "kind": "ReplicationController",
            "metadata": ["name": "blog-blue", "labels": labels, "annotations": annotations],
            "spec": [
                "selector": selector ?? ["name": "blog-blue"],
                "template": [
                    "metadata": ["labels": template],
                    "spec": ["containers": [["name": "blog", "image": .string("\(Blog.image):1")]]],
                ],
            ],
        ]
    }

    private func made(_ model: JSON, services: Set<String> = []) throws -> (object: JSON, notes: [String]) {
        try CandidateWorkload(
            app: try Blog.app(), order: Blog.order(), survey: Blog.survey(replicas: 1), model: model,
            serviceLabels: services
        ).makeObject()
    }

    private static let ours: Set = ["name", "app.kubernetes.io/managed-by", "app.kubernetes.io/version"]

    @Test(
        "Argo CD's, Flux', Helm's, k3s', Rancher's, kapp's and kubectl's marks stay behind, and the log says which",
        arguments: [
            (
                ["app.kubernetes.io/instance": "blog"],
                ["argocd.argoproj.io/tracking-id": "blog:apps/Deployment:blog/blog-blue"],
                "app.kubernetes.io/instance, argocd.argoproj.io/tracking-id (Argo CD)"
            ),
            (
                ["kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"],
                [:],
                "kustomize.toolkit.fluxcd.io/name, kustomize.toolkit.fluxcd.io/namespace (Flux)"
            ),
            (
                ["app.kubernetes.io/managed-by": "Helm", "helm.sh/chart": "blog-1.0"],
                ["meta.helm.sh/release-name": "blog"],
                "app.kubernetes.io/managed-by, helm.sh/chart, meta.helm.sh/release-name (Helm)"
            ),
            (
                ["objectset.rio.cattle.io/hash": "a"], ["objectset.rio.cattle.io/id": "blog"],
                "objectset.rio.cattle.io/hash, objectset.rio.cattle.io/id (k3s or Rancher)"
            ),
            (
                ["kapp.k14s.io/app": "1"], ["kapp.k14s.io/identity": "x"],
                "kapp.k14s.io/app, kapp.k14s.io/identity (kapp)"
            ),
            (
                ["applyset.kubernetes.io/part-of": "x"], [:],
                "applyset.kubernetes.io/part-of (kubectl apply --prune)"
            ),
        ] as [(JSON, JSON, String)])
    func marks(_ labels: JSON, _ annotations: JSON, _ sentence: String) throws {
        var labels = labels
        var annotations = annotations
        labels["team"] = "web"
        annotations["example.com/owner"] = "anna"
        let (object, notes) = try made(model(labels: labels, annotations: annotations))
        #expect(Set((object[at: "metadata.labels"]?.object ?? [:]).keys) == Self.ours.union(["team"]))
        #expect(
            Set((object[at: "metadata.annotations"]?.object ?? [:]).keys)
                == ["example.com/owner", "viridian.dev/release", "viridian.dev/version"])
        #expect(notes.contains("Not copied from blog-blue: \(sentence)"), "\(notes)")
    }

    @Test("the recommended instance label is copied, unless Argo CD wrote the object")
    func instance() throws {
        var plain = model(labels: ["app.kubernetes.io/instance": "blog"])
        #expect(try made(plain).object[at: "metadata.labels"]?["app.kubernetes.io/instance"] == "blog")
        #expect(try made(plain).notes.count == 1)
        plain[at: "metadata.managedFields"] = [["manager": "argocd-controller", "operation": "Apply"]]
        #expect(try made(plain).object[at: "metadata.labels"]?["app.kubernetes.io/instance"] == nil)
    }

    @Test("it is removed from a pod template too, except the keys by which pods are selected")
    func template() throws {
        let labels: JSON = [
            "name": "blog-blue", "kapp.k14s.io/app": "1", "kapp.k14s.io/association": "v1.x",
            "helm.sh/chart": "blog-1.0",
            "tier": "web",
        ]
        let model = model(template: labels, selector: ["name": "blog-blue", "kapp.k14s.io/app": "1"])
        let alone = try made(model).object
        #expect(
            Set((alone[at: "spec.template.metadata.labels"]?.object ?? [:]).keys)
                == Self.ours.union(["tier", "kapp.k14s.io/app"]))
        #expect(alone[at: "spec.selector"] == ["name": "blog-green", "kapp.k14s.io/app": "1"])
        let selected = try made(model, services: ["kapp.k14s.io/association"]).object
        #expect(selected[at: "spec.template.metadata.labels"]?["kapp.k14s.io/association"] == "v1.x")
    }

    @Test("it is not copied to the candidate's autoscaler, and the log says so")
    func twin() async throws {
        try await TestCluster.run { cluster in
            try await cluster.bringUp(.blue, 7)
            let (order, survey) = (Blog.order(8), Blog.survey(live: .blue, replicas: 1))
            try await cluster.cluster().createCandidate(order, survey)
            let scaler: JSON = [
                "metadata": [
                    "name": "blog-blue", "labels": ["team": "web", "kustomize.toolkit.fluxcd.io/name": "apps"],
                    "annotations": [
                        "argocd.argoproj.io/tracking-id": "blog:autoscaling/HorizontalPodAutoscaler:blog/blog-blue"
                    ],
                ],
                "spec": [
                    "maxReplicas": 9,
                    "scaleTargetRef": ["apiVersion": "v1", "kind": "ReplicationController", "name": "blog-blue"],
                ],
            ]
            let resource = Resource.horizontalPodAutoscalers[0]
            _ = try await cluster.client.create(resource, scaler)
            let size = try await cluster.cluster().followLive(order, survey)
            #expect(
                size.notes == [
                    "green gets an autoscaler like blog-blue; not copied: argocd.argoproj.io/tracking-id (Argo CD), "
                        + "kustomize.toolkit.fluxcd.io/name (Flux)"
                ])
            let twin = try await cluster.client.get(resource, "blog-green")
            #expect(twin[at: "metadata.labels"] == ["team": "web", "app.kubernetes.io/managed-by": "viridian"])
            #expect(twin[at: "metadata.annotations"] == ["viridian.dev/release": "8"])
        }
    }

    @Test("other programs that manage the colours' workloads and autoscalers are named")
    func controllingTools() async throws {
        try await TestCluster.run { cluster in
            try await cluster.bringUp(.blue, 7)
            #expect(try await cluster.cluster().controllingTools() == [])
            let change: JSON = ["metadata": ["labels": ["kustomize.toolkit.fluxcd.io/name": "apps"]]]
            _ = try await cluster.client.patch(.replicationControllers, "blog-blue", .merge(change))
            #expect(
                try await cluster.cluster().controllingTools() == [
                    ControllingTool(
                        object: "ReplicationController blog-blue", program: "Flux",
                        metadataKeys: ["kustomize.toolkit.fluxcd.io/name"])
                ])
        }
    }
}
