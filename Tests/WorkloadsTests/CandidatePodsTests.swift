import Controller
import Kubernetes
import ReleaseMachine
import Testing

@testable import Workloads

@Suite("The candidate's pods, and the evidence about them")
struct CandidatePodsTests {
    private static let image = "registry.local:5000/blog:20151025.143403"

    private func workload(
        _ containers: JSON = [["name": "blog", "image": .string(image)]], kind: String = "ReplicationController"
    )
        -> JSON
    {
        [
            "kind": .string(kind), "metadata": ["name": "blog-green", "uid": "rc-1"],
            "spec": [
                "template": [
                    "metadata": ["labels": ["name": "blog-green", "app.kubernetes.io/version": .string(Blog.version)]],
                    "spec": ["containers": containers],
                ]
            ],
        ]
    }

    private func pod(
        _ name: String, image: String = image, id: String = "registry.local:5000/blog@sha256:aaaa",
        machine: String = "node-1",
        owner: JSON? = ["kind": "ReplicationController", "name": "blog-green", "uid": "rc-1", "controller": true],
        labels: JSON = ["name": "blog-green"], isReady: Bool = true
    ) -> JSON {
        var pod: JSON = [
            "metadata": ["name": .string(name), "uid": .string("uid-" + name), "labels": labels],
            "spec": ["nodeName": .string(machine), "containers": [["name": "blog", "image": .string(image)]]],
            "status": [
                "phase": "Running", "conditions": [["type": "Ready", "status": isReady ? "True" : "False"]],
                "containerStatuses": [
                    ["name": "blog", "image": .string(image), "imageID": .string(id), "restartCount": 0]
                ],
            ],
        ]
        if let owner { pod[at: "metadata.ownerReferences"] = [owner] }
        return pod
    }

    private func candidate(_ workload: JSON? = nil, _ pods: JSON..., order: Order = Blog.order()) -> CandidatePods {
        var candidate = CandidatePods(order, on: .green)
        candidate.apply(pods: .snapshot(ResourceList(items: pods, resourceVersion: "1")))
        candidate.apply(
            workload: .snapshot(ResourceList(items: [workload ?? self.workload()], resourceVersion: "1")))
        return candidate
    }

    private func names(_ candidate: CandidatePods) -> [String] { candidate.members.compactMap(\.name).sorted() }

    private func completed(_ candidate: CandidatePods, desired: Int = 1) -> PodsObservation {
        var snapshot = PodsSnapshot(desired: desired, stable: .zero)
        snapshot.apply(pods: .snapshot(ResourceList(items: candidate.members, resourceVersion: "")))
        var seen = snapshot.observation(at: Blog.start).0
        candidate.addEvidence(to: &seen)
        return seen
    }

    @Test("nothing is known before both the pods and the workload have been seen")
    func unknown() {
        var candidate = CandidatePods(Blog.order(), on: .green)
        candidate.apply(pods: .snapshot(ResourceList(items: [pod("a")], resourceVersion: "1")))
        #expect(!candidate.isKnown)
        #expect(candidate.members.isEmpty)
        candidate.apply(workload: .snapshot(ResourceList(items: [workload()], resourceVersion: "1")))
        #expect(candidate.isKnown)
        #expect(names(candidate) == ["a"])
    }

    @Test(
        "pods of the workload that run the image count; those of nobody, of a former workload and of another image do not"
    )
    func counting() {
        let former: JSON = ["kind": "ReplicationController", "name": "blog-green", "uid": "rc-0", "controller": true]
        let candidate = candidate(
            nil, pod("own"), pod("nobodys", owner: nil), pod("former", owner: former),
            pod("old", image: "registry.local:5000/blog:20151018.090000"))
        #expect(names(candidate) == ["own"])
    }

    @Test("a Deployment's pods are those of its replica sets, whose name ends in the pods' own hash")
    func deployment() {
        func owner(_ name: String) -> JSON {
            ["kind": "ReplicaSet", "name": .string(name), "uid": "rs", "controller": true]
        }
        let labels: JSON = ["name": "blog-green", "pod-template-hash": "7c9f"]
        let candidate = candidate(
            workload(kind: "Deployment"), pod("own", owner: owner("blog-green-7c9f"), labels: labels),
            pod("neighbour", owner: owner("blog-green-house-7c9f"), labels: labels),
            pod(
                "controller",
                owner: ["kind": "ReplicationController", "name": "blog-green", "uid": "x", "controller": true]))
        #expect(names(candidate) == ["own"])
    }

    @Test(
        "an image that a webhook has rewritten is the same image",
        arguments: [
            (image, true), ("mirror.example.com/cache/registry.local/blog:20151025.143403", true),
            (image + "@sha256:" + String(repeating: "a", count: 64), true),
            ("registry.local:5000/blog:20151018.090000", false), ("registry.local:5000/blogger:20151025.143403", false),
            ("registry.local:5000/blog", false),
        ])
    func rewritten(_ found: String, _ isSame: Bool) {
        #expect(names(candidate(nil, pod("a", image: found))) == (isSame ? ["a"] : []))
    }

    @Test("if a webhook leaves only the digest, the pod's version label decides")
    func digestOnly() {
        let found = "registry.local:5000/blog@sha256:" + String(repeating: "a", count: 64)
        let labels: JSON = ["name": "blog-green", "app.kubernetes.io/version": .string(Blog.version)]
        let old: JSON = ["name": "blog-green", "app.kubernetes.io/version": .string(Blog.oldVersion)]
        let candidate = candidate(nil, pod("new", image: found, labels: labels), pod("old", image: found, labels: old))
        #expect(names(candidate) == ["new"])
    }

    @Test("a pod with one container of the old version does not count")
    func half() {
        let two: JSON = [
            ["name": "blog", "image": .string(Self.image)], ["name": "worker", "image": .string(Self.image)],
            ["name": "proxy", "image": "envoy:1"],
        ]
        var whole = pod("whole")
        whole[at: "spec.containers"] = two
        var half = whole
        half[at: "metadata.name"] = "half"
        half[at: "spec.containers"] = [
            ["name": "blog", "image": .string(Self.image)],
            ["name": "worker", "image": "registry.local:5000/blog:20151018.090000"],
            ["name": "proxy", "image": "envoy:1"],
        ]
        #expect(names(candidate(workload(two), whole, half)) == ["whole"])
    }

    @Test("a workload whose image was changed has no pods of this release")
    func changedTemplate() {
        let candidate = candidate(
            workload([["name": "blog", "image": "registry.local:5000/blog:20151018.090000"]]), pod("a"))
        #expect(candidate.members.isEmpty)
        #expect(
            completed(candidate).verdict
                == .failed(
                    "1 pod of blog-green does not run \(Self.image)",
                    details: [
                        "a runs \(Self.image)",
                        "a controller adopts existing pods that match its selector; "
                            + "these are deleted with the candidate, so that the next release starts without them",
                    ]))
    }

    @Test("the evidence contains image and digest of the ready pods, in any notation of the runtime")
    func evidence() {
        let seen = completed(
            candidate(
                nil, pod("a"), pod("b", id: "docker-pullable://registry.local:5000/blog@sha256:aaaa"),
                pod("c", isReady: false)), desired: 2)
        #expect(seen.verdict == .ready)
        #expect(seen.report.images == [RunningImage(image: Self.image, id: "sha256:aaaa", pods: 2)])
        #expect(seen.report.warnings.isEmpty)
    }

    @Test("a tag that is two images on two machines is reported with pods and machines, once all pods are ready")
    func twoImages() {
        let both = candidate(nil, pod("a"), pod("b", id: "registry.local:5000/blog@sha256:bbbb", machine: "node-2"))
        let seen = completed(both, desired: 2)
        #expect(seen.verdict == .ready)
        #expect(seen.report.images?.map(\.id) == ["sha256:aaaa", "sha256:bbbb"])
        #expect(
            seen.report.warnings == [
                "\(Self.image) is 2 different images: sha256:aaaa in a on node-1; sha256:bbbb in b on node-2. The tag was pushed again "
                    + "between two pulls: push each tag only once, or release a digest"
            ])
        #expect(completed(both, desired: 3).report.warnings.isEmpty)
    }
}
