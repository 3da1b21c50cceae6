import Foundation
import Kubernetes
import Processes
import Testing

extension RealClusterTests {
    @Suite struct TroubleTests {
        @Test("of two deploys at the same instant exactly one releases, and the other reports the holder, twenty times")
        func race() async throws {
            // Each colour is retained, so that a round does not include waiting for pods to terminate.
            try await withRealWorld(.init(replicas: 1, more: "retain: 1h")) { world in
                for round in 1...20 {
                    let words = ["deploy", "blog", "--version", round.isMultiple(of: 2) ? "v2" : "v1"]
                    async let one = world.viridian.run(words, deadline: .seconds(120))
                    async let other = world.viridian.run(words, deadline: .seconds(120))
                    let both = try await [one, other]
                    let losers = both.filter { $0.status == 75 }
                    try #require(both.filter { $0.status == 0 }.count == 1 && losers.count == 1, "\(both)")
                    #expect(losers[0].output.isEmpty, "\(losers)")
                    #expect(losers[0].error.contains("is running: "), "\(losers)")
                    #expect(losers[0].error.contains("(process "), "\(losers)")
                }
                let history = try await world.viridian("releases", "blog", "--limit", "50", "-o", "json").jsonLines
                #expect(history.map { $0["number"]?.integer } == (1...20).reversed())
                #expect(history.filter { $0["state"] == "live" }.count == 1)
            }
        }

        @Test(
            "a lease held by another machine gives status 75 and its holder, and is acquired when it has expired")
        func handover() async throws {
            try await withRealWorld(.init(replicas: 1)) { world in
                try await world.release("v1")
                let now = Date().ISO8601Format(.init(includingFractionalSeconds: true)).replacing("Z", with: "000Z")
                let patch = """
                    {"spec": {"holderIdentity": "anna@elsewhere:4711:1:b", "leaseDurationSeconds": 15,
                              "acquireTime": "\(now)", "renewTime": "\(now)"}}
                    """
                try await world.kubectl("patch", "lease", "viridian", "--type=merge", "-p", patch)
                let began = ContinuousClock.now
                let refused = try await world.deploy("v2")
                #expect(refused.status == 75, "\(refused)")
                #expect(refused.error.contains("anna@elsewhere (process 4711) holds the lease"), "\(refused)")
                var taken = refused
                while taken.status == 75, began.duration(to: .now) < .seconds(40) {
                    taken = try await world.deploy("v2")
                }
                #expect(taken.status == 0, "\(taken)")
                let waited = began.duration(to: .now) - taken.took
                #expect(waited > .seconds(12) && waited < .seconds(18), "\(waited)")
                try await world.expectLive("v2", on: "green")
            }
        }

        @Test("the journal deleted between two releases: the next one finds the live colour and uses a new number")
        func journalDeleted() async throws {
            try await withRealWorld(.init(replicas: 1)) { world in
                try await world.release("v1")
                try await world.release("v2")
                for suffix in ["", "-wal", "-shm"] {
                    try? FileManager.default.removeItem(atPath: world.directory + "/viridian.sqlite" + suffix)
                }
                let said = try await world.release("v3")
                #expect(said.output.contains("green is live with v2"), "\(said)")
                #expect(said.output.contains("blog/3 is live"), "\(said)")
                try await world.expectLive("v3", on: "blue")
            }
        }

        @Test("cluster and nodes that disagree stop a release, which reports both and changes nothing")
        func disagreement() async throws {
            try await withRealWorld(.init(replicas: 1)) { world in
                try await world.release("v1")
                let before = try await world.admin.list(.replicationControllers, namespace: world.namespace).items
                try await world.kubectl("annotate", "--overwrite", "lease", "viridian", "viridian.dev/live-color=green")
                let said = try await world.deploy("v2")
                #expect(said.status == 2, "\(said)")
                #expect(said.output.contains("cluster and nodes name different colours as live"), "\(said)")
                #expect(said.output.contains("cluster: green is live with v1"), "\(said)")
                #expect(said.output.contains("routes to blue"), "\(said)")
                let after = try await world.admin.list(.replicationControllers, namespace: world.namespace).items
                #expect(after.map { $0[at: "metadata.uid"] } == before.map { $0[at: "metadata.uid"] })
                #expect(try await world.served() == ["v1", "v1"])
                try await world.kubectl("annotate", "--overwrite", "lease", "viridian", "viridian.dev/live-color=blue")
                try await world.release("v2")
            }
        }

        @Test("when the live colour grows during a release, the candidate is scaled up, and the autoscaler is copied")
        func grows() async throws {
            try await withRealWorld { world in
                try await world.release("v1")
                // Without metrics the autoscaler exists but scales nothing.
                try await world.kubectl("autoscale", "rc", "blog-blue", "--min=1", "--max=6")
                let paused = try await world.deploy("v2", "--verify", "--wait", "paused")
                #expect(paused.status == 3, "\(paused)")
                try await world.kubectl("scale", "rc", "blog-blue", "--replicas=4")
                let promoted = try await world.viridian("promote", "blog", deadline: .seconds(120))
                #expect(promoted.status == 0, "\(promoted)")
                #expect(promoted.output.contains("4/4 are now online"), "\(promoted)")
                let online = try #require(promoted.output.range(of: "4/4 are now online"))
                let switched = try #require(promoted.output.range(of: "routes to green, verified"))
                #expect(online.lowerBound < switched.lowerBound, "\(promoted)")
                let green = try await world.admin.get(
                    .replicationControllers, "blog-green", namespace: world.namespace)
                #expect(green[at: "spec.replicas"] == 4)
                #expect(green[at: "status.readyReplicas"] == 4)
                let scalers = try await world.kubectl(
                    "get", "hpa", "-o",
                    "jsonpath={range .items[*]}{.metadata.name} {.spec.scaleTargetRef.name} {.spec.maxReplicas};{end}")
                #expect(scalers == "blog-green blog-green 6;")
            }
        }

        @Test("without a template the live colour is mirrored, and the mirror serves")
        func mirrored() async throws {
            try await withRealWorld(.init(replicas: 1, hasTemplate: false)) { world in
                let model = """
                    apiVersion: v1
                    kind: ReplicationController
                    metadata: {name: blog-blue, annotations: {example.com/owner: anna}}
                    spec:
                      replicas: 2
                      selector: {name: blog-blue}
                      template:
                        metadata: {labels: {name: blog-blue, tier: web}, annotations: {prometheus.io/scrape: "true"}}
                        spec:
                          terminationGracePeriodSeconds: 0
                          initContainers:
                          - {name: before, image: "\(RealCluster.image):v1", imagePullPolicy: IfNotPresent, command: [ls, /]}
                          containers:
                          - name: web
                            image: "\(RealCluster.image):v1"
                            imagePullPolicy: IfNotPresent
                            env: [{name: SECRET, valueFrom: {secretKeyRef: {name: blog, key: word, optional: true}}}]
                            volumeMounts: [{name: data, mountPath: /data}]
                            readinessProbe: {httpGet: {path: /, port: 9000}, periodSeconds: 1}
                          volumes: [{name: data, emptyDir: {}}]
                    """
                try await world.kubectl("apply", "-f", "-", input: model)
                let said = try await world.deploy("v2")
                #expect(said.status == 0, "\(said)")
                #expect(said.output.contains("blue is live with v1"), "\(said)")
                try await world.expectLive("v2", on: "green")
                let green = try await world.admin.get(
                    .replicationControllers, "blog-green", namespace: world.namespace)
                #expect(green[at: "spec.replicas"] == 2)
                #expect(green[at: "metadata.annotations"]?["example.com/owner"] == "anna")
                let spec = green[at: "spec.template.spec"]
                #expect(spec?["volumes"]?[0]?["name"] == "data")
                // All containers of the app have the same version.
                #expect(spec?["initContainers"]?[0]?["image"]?.string == RealCluster.image + ":v2")
                #expect(said.output.contains("goes into containers web, before (init)"), "\(said)")
                #expect(spec?["containers"]?[0]?["image"]?.string == RealCluster.image + ":v2")
            }
        }
    }
}
