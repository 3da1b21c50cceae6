import Controller
import Kubernetes
import ReleaseMachine
import Sandbox
import Testing
import ViridianConfiguration

@testable import Workloads

@Suite("The app's objects in a real API")
struct AppClusterTests {
    @Test(
        "services and candidate are created, and a second call changes nothing",
        arguments: AppConfiguration.Workload.allCases)
    func create(_ workload: AppConfiguration.Workload) async throws {
        try await TestCluster.run({ $0.workload = workload }) { cluster in
            let (order, survey) = (Blog.order(1), Blog.survey(live: nil, replicas: 2))
            for _ in 1...3 { try await cluster.cluster().createCandidate(order, survey) }
            let object = try #require(try await cluster.workload(.blue))
            #expect(object["kind"]?.string == workload.rawValue)
            #expect(object[at: "metadata.generation"] == 1)
            #expect(object.release == 1)
            #expect(object.version == Blog.version)
            for color in Color.allCases {
                let service = try await cluster.client.get(.services, "blog-\(color)")
                let port = service[at: "spec.ports"]?[0]
                #expect(port?["nodePort"]?.integer == cluster.app.port(of: color))
                #expect(port?["port"] == 9000)
                #expect(port?["targetPort"] == 9000)
                #expect(service[at: "spec.selector"] == ["name": .string("blog-\(color)")])
                #expect(service[at: "metadata.labels"]?["app.kubernetes.io/managed-by"] == "viridian")
            }
            #expect(try await cluster.verdict(.blue, order, desired: 2).report.ready == 2)
            #expect(try await cluster.pods("blog-blue").count == 2)
            let seen = try await cluster.cluster().survey().workloads
            #expect(
                seen == [
                    .blue: .init(
                        version: Blog.version, image: "\(Blog.image):\(Blog.version)", replicas: 2, ready: 2, release: 1
                    )
                ])
        }
    }

    @Test("a live colour created by another program is mirrored and not changed")
    func mirror() async throws {
        try await TestCluster.run({ $0.template = nil }) { cluster in
            let model: JSON = [
                "metadata": ["name": "blog-blue", "labels": ["team": "web"]],
                "spec": [
                    "replicas": 1, "selector": ["name": "blog-blue"],
                    "template": [
                        "metadata": ["labels": ["name": "blog-blue", "tier": "web"]],
                        "spec": [
                            "terminationGracePeriodSeconds": 2, "volumes": [["name": "data", "emptyDir": [:]]],
                            "containers": [
                                [
                                    "name": "blog", "image": .string("\(Blog.image):\(Blog.oldVersion)"),
                                    "env": [["name": "EMPTY", "value": ""], ["name": "MODE", "value": "fast"]],
                                ]
                            ],
                        ],
                    ],
                ],
            ]
            let before = try await cluster.client.create(.replicationControllers, model)
            let seen = try #require(try await cluster.cluster().survey().workloads[.blue])
            #expect(seen.version == Blog.oldVersion)
            #expect(seen.release == nil)
            try await cluster.cluster().createCandidate(Blog.order(), Blog.survey())
            let made = try #require(try await cluster.workload(.green))
            let spec = try #require(made[at: "spec.template.spec"])
            #expect(spec["volumes"] == before[at: "spec.template.spec.volumes"])
            #expect(spec["containers"]?[0]?["env"] == before[at: "spec.template.spec.containers"]?[0]?["env"])
            #expect(spec["containers"]?[0]?["image"]?.string == "\(Blog.image):\(Blog.version)")
            #expect(made[at: "metadata.labels"]?["team"] == "web")
            #expect(try await cluster.workload(.blue)?["spec"] == before["spec"])
        }
    }

    // MARK: Services

    @Test("a service with another port is refused, with the fix")
    func wrongPort() async throws {
        try await TestCluster.run { cluster in
            let (blue, green) = (cluster.app.ports.blue, cluster.app.ports.green)
            let service: JSON = [
                "metadata": ["name": "blog-blue"],
                "spec": [
                    "type": "NodePort", "ports": [["port": 9000, "nodePort": .integer(Int64(green))]], "selector": [:],
                ],
            ]
            _ = try await cluster.client.create(.services, service)
            #expect(
                await words { try await cluster.cluster().createCandidate(Blog.order(), Blog.survey()) }
                    == "service blog/blog-blue has NodePort \(green), not \(blue)\ncorrect ports.blue of app blog, or the service"
            )
            #expect(try await cluster.workload(.green) == nil)
        }
    }

    @Test("a service without a NodePort is refused, and a port that another service has")
    func noPort() async throws {
        try await TestCluster.run { cluster in
            let (blue, green) = (cluster.app.ports.blue, cluster.app.ports.green)
            let service: JSON = [
                "metadata": ["name": "blog-blue"], "spec": ["ports": [["port": 9000]], "selector": ["a": "b"]],
            ]
            _ = try await cluster.client.create(.services, service)
            #expect(
                await words { try await cluster.cluster().createCandidate(Blog.order(), Blog.survey()) }
                    == "service blog/blog-blue has no NodePort, not \(blue)\ncorrect ports.blue of app blog, or the service"
            )
            _ = try await cluster.client.delete(.services, "blog-blue")
            let shop: JSON = [
                "metadata": ["name": "shop-blue"],
                "spec": [
                    "type": "NodePort", "ports": [["port": 80, "nodePort": .integer(Int64(green))]],
                    "selector": ["a": "b"],
                ],
            ]
            _ = try await cluster.client.create(.services, shop)
            let taken = try #require(
                await words { try await cluster.cluster().createCandidate(Blog.order(), Blog.survey()) })
            #expect(taken.hasPrefix("service blog/blog-green cannot have NodePort \(green): "), "\(taken)")
            #expect(taken.contains("provided port is already allocated"))
        }
    }

    @Test("an object that the API server rejects is a refusal with the server's message")
    func invalid() async throws {
        try await TestCluster.run({
            $0.template = .init(path: "blog-pod.yaml", text: "spec: {containers: [{image: registry.local:5000/blog}]}")
        }) { cluster in
            let error = await #expect(throws: Refusal.self) {
                try await cluster.cluster().createCandidate(Blog.order(), Blog.survey())
            }
            #expect(error?.message.hasPrefix("the cluster does not accept blog-green: ") == true)
            #expect(error?.message.contains("spec.template.spec.containers[0].name") == true)
        }
    }

    // MARK: Existing objects

    @Test("an older release's candidate is replaced, with its pods")
    func leftover() async throws {
        try await TestCluster.run { cluster in
            try await cluster.bringUp(.green, 3, version: "1.0")
            let (uid, pods) = (try await cluster.uid(.green), try await cluster.pods("blog-green"))
            try await cluster.cluster().createCandidate(Blog.order(4), Blog.survey(replicas: 1))
            #expect(try await cluster.uid(.green) != uid)
            #expect(try await cluster.workload(.green)?.release == 4)
            #expect(try await cluster.verdict(.green, Blog.order(4), desired: 1).verdict == .ready)
            let after = try await cluster.pods("blog-green").compactMap(\.name)
            #expect(pods.allSatisfy { !after.contains($0.name ?? "") })
        }
    }

    @Test("a retained colour of the same version is used as it is")
    func retained() async throws {
        try await TestCluster.run { cluster in
            try await cluster.bringUp(.green, 3)
            let (uid, pods) = (try await cluster.uid(.green), try await cluster.pods("blog-green").compactMap(\.name))
            try await cluster.cluster().createCandidate(Blog.order(5), Blog.survey(replicas: 2))
            #expect(try await cluster.uid(.green) == uid)
            #expect(try await cluster.workload(.green)?.release == 5)
            #expect(try await cluster.verdict(.green, Blog.order(5), desired: 2).report.ready == 2)
            #expect(try await cluster.pods("blog-green").compactMap(\.name).filter(pods.contains) == pods)
        }
    }

    @Test("a release that has lost the lease does not touch a newer release's candidate")
    func newerRelease() async throws {
        try await TestCluster.run { cluster in
            try await cluster.bringUp(.green, 9)
            let uid = try await cluster.uid(.green)
            let error = await words { try await cluster.cluster().createCandidate(Blog.order(8), Blog.survey()) }
            #expect(error == "the lease was taken over by blog/9: this process has stopped")
            #expect(try await cluster.uid(.green) == uid)
        }
    }

    // MARK: Removal

    @Test("a release removes only its own workload, or older ones", arguments: AppConfiguration.Workload.allCases)
    func remove(_ workload: AppConfiguration.Workload) async throws {
        try await TestCluster.run({ $0.workload = workload }) { cluster in
            try await cluster.bringUp(.green, 7, version: "polite", replicas: 2)
            let app = cluster.cluster()
            try await app.remove(.green, madeBy: 8, orOlder: false)
            try await app.remove(.green, madeBy: 6, orOlder: true)
            try await app.remove(.green, madeBy: 6, orOlder: false)
            #expect(try await cluster.workload(.green)?.isBeingDeleted == false)
            #expect(try await cluster.pods("blog-green").count == 2)
            try await app.remove(.green, madeBy: 8, orOlder: true)
            // Not before the last pod is terminating.
            #expect(try await cluster.workload(.green) == nil)
            #expect(try await cluster.pods("blog-green").allSatisfy(\.isBeingDeleted))
            #expect(try await cluster.client.list(.replicaSets, namespace: "blog").items.isEmpty)
            try await app.remove(.green, madeBy: 8, orOlder: true)
        }
    }

    @Test("other apps and the other colour stay")
    func neighbours() async throws {
        try await TestCluster.run { cluster in
            try await cluster.bringUp(.blue, 6)
            try await cluster.bringUp(.green, 7)
            let template: JSON = [
                "metadata": ["labels": ["name": "blog-greenhouse"]],
                "spec": ["containers": [["name": "x", "image": "busybox", "command": ["sleep", "1000"]]]],
            ]
            let neighbour: JSON = [
                "metadata": ["name": "blog-greenhouse"],
                "spec": ["replicas": 1, "selector": ["name": "blog-greenhouse"], "template": template],
            ]
            _ = try await cluster.client.create(.replicationControllers, neighbour)
            try await cluster.cluster().remove(.green, madeBy: 7, orOlder: false)
            let left = try await cluster.client.list(.replicationControllers, namespace: "blog").items.compactMap(
                \.name)
            #expect(left.sorted() == ["blog-blue", "blog-greenhouse"])
            #expect(try await cluster.pods("blog-blue").count == 1)
            #expect(try await cluster.client.list(.services, namespace: "blog").items.count == 2)
        }
    }

    @Test("a workload of another program is removed as the old colour, but not as a candidate")
    func unknownMaker() async throws {
        try await TestCluster.run { cluster in
            let template: JSON = [
                "metadata": ["labels": ["name": "blog-blue"]],
                "spec": [
                    "containers": [
                        ["name": "blog", "image": .string("\(Blog.image):1"), "command": ["sleep", "1000"]]
                    ]
                ],
            ]
            let object: JSON = [
                "metadata": ["name": "blog-blue"],
                "spec": ["replicas": 0, "selector": ["name": "blog-blue"], "template": template],
            ]
            _ = try await cluster.client.create(.replicationControllers, object)
            try await cluster.cluster().remove(.blue, madeBy: 7, orOlder: false)
            #expect(try await cluster.workload(.blue) != nil)
            try await cluster.cluster().remove(.blue, madeBy: 7, orOlder: true)
            #expect(try await cluster.workload(.blue) == nil)
        }
    }

    @Test("rights for one kind of workload are enough")
    func oneKind() async throws {
        try await TestCluster.run { cluster in
            cluster.sandbox.faults.deny(RequestMatcher(resource: "deployments"))
            try await cluster.bringUp(.green, 7)
            #expect(try await cluster.cluster().survey().workloads.count == 1)
            try await cluster.cluster().remove(.green, madeBy: 7, orOlder: false)
            #expect(try await cluster.workload(.green) == nil)
        }
    }
}
