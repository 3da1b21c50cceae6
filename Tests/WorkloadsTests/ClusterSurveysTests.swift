import Controller
import Kubernetes
import ReleaseMachine
import Sandbox
import TestSupport
import Testing
import ViridianConfiguration

@testable import Workloads

@Suite("What the cluster has of many apps", .timeLimit(.minutes(10)))
struct ClusterSurveysTests {
    private func withSurveys(_ cluster: TestCluster, _ body: (ClusterSurveys) async throws -> Void) async throws {
        // Retries at once; the watches' own pauses stay.
        let surveys = ClusterSurveys(client: cluster.client, apps: [cluster.app]) { _ in
            try await Task.sleep(for: .milliseconds(20))
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await surveys.run() }
            try await body(surveys)
            group.cancelAll()
        }
    }

    private static let reads = ["leases", "replicationcontrollers", "deployments"].map {
        RequestMatcher(verbs: ["get", "list"], resource: $0)
    }

    @Test(
        "three watches say the same as reading the app's objects, and reading costs no call",
        arguments: AppConfiguration.Workload.allCases)
    func watched(_ workload: AppConfiguration.Workload) async throws {
        try await TestCluster.run({ $0.workload = workload }) { cluster in
            try await cluster.bringUp(.blue, 7)
            let app = cluster.cluster()
            _ = try await app.acquireLease()
            try await app.recordLive(LiveVersion(color: .blue, version: Blog.version), by: Blog.order(7))
            try await withSurveys(cluster) { surveys in
                let first = try await surveys.survey("blog")
                let alone = try await app.survey()
                #expect(first == alone)
                #expect(first.recorded?.version == Blog.version && first.recordedBy == 7)
                #expect(first.workloads[.blue]?.ready == 1)

                // Every change arrives, also of the other colour, and after a 410.
                try await cluster.bringUp(.green, 8, version: Blog.oldVersion)
                try await eventually { try await surveys.survey("blog").workloads[.green]?.ready == 1 }
                await cluster.sandbox.faults.expireWatches()
                try await app.recordLive(LiveVersion(color: .green, version: Blog.oldVersion), by: Blog.order(8))
                try await app.remove(.blue, madeBy: 8, orOlder: true)
                try await eventually {
                    let survey = try await surveys.survey("blog")
                    return survey.recorded?.color == .green && survey.workloads[.blue] == nil
                }
                let last = try await app.survey()
                let watched = try await surveys.survey("blog")
                #expect(watched == last)

                // Each kind has been listed again, also the one that this app does not use.
                try await eventually { await cluster.sandbox.faults.openWatches == 3 }
                for read in Self.reads { cluster.sandbox.faults.deny(read) }
                let later = try await surveys.survey("blog")
                #expect(later == last)
                #expect(await cluster.sandbox.faults.openWatches == 3)
            }
            await app.releaseLease()
        }
    }

    @Test("an app of the other kind of workload is seen too, and without rights for that kind it is not needed")
    func otherKind() async throws {
        try await TestCluster.run({ $0.workload = .deployment }) { cluster in
            try await cluster.bringUp(.blue, 1)
            var changed = cluster
            changed.app.workload = .replicationController
            let app = changed.cluster()
            try await withSurveys(changed) { surveys in
                let (watched, alone) = (try await surveys.survey("blog"), try await app.survey())
                #expect(watched == alone && watched.workloads[.blue]?.replicas == 1)
            }
            cluster.sandbox.faults.deny(RequestMatcher(resource: "deployments"))
            try await withSurveys(changed) { surveys in
                let survey = try await surveys.survey("blog")
                #expect(survey.workloads.isEmpty)
            }
        }
    }

    @Test("where the account may not list a kind in all namespaces, the app is read by itself")
    func namespaced() async throws {
        try await TestCluster.run { cluster in
            try await cluster.bringUp(.blue, 1)
            // What `render rbac` grants: leases can be read by name only.
            cluster.sandbox.faults.deny(RequestMatcher(verbs: ["list", "watch"], resource: "leases"))
            try await withSurveys(cluster) { surveys in
                let (survey, alone) = (try await surveys.survey("blog"), try await cluster.cluster().survey())
                #expect(survey == alone && survey.workloads[.blue]?.ready == 1)
                // Granted later: it is watched from then on.
                cluster.sandbox.faults.clear()
                try await eventually { await cluster.sandbox.faults.openWatches == 3 }
            }
        }
    }

    @Test("while the cluster does not answer, the error is told at once, and then the watches go on")
    func outage() async throws {
        try await TestCluster.run { cluster in
            try await cluster.bringUp(.blue, 1)
            try await withSurveys(cluster) { surveys in
                _ = try await surveys.survey("blog")
                cluster.sandbox.faults.inject(.drop, on: RequestMatcher(verbs: ["watch", "list"]))
                await cluster.sandbox.faults.closeWatches()
                try await eventually { await words { try await surveys.survey("blog") } != nil }
                let problem = await words { try await surveys.survey("blog") }
                #expect(problem?.contains("Kubernetes API") == true, "\(problem ?? "")")
                cluster.sandbox.faults.clear()
                try await eventually { await words { try await surveys.survey("blog") } == nil }
                let survey = try await surveys.survey("blog")
                #expect(survey.workloads[.blue]?.ready == 1)
            }
        }
    }

    @Test("what is kept of a lease and of a workload is all that a survey needs", arguments: [nil, 41])
    func kept(release: Int?) throws {
        let app = try Blog.app()
        let owners = WatchedApps([app])
        let made =
            release.map {
                #", "viridian.dev/release": "\#($0)", "viridian.dev/journal": "\#($0)/7@2015-10-25T14:34:03.250Z""#
            } ?? ""
        let objects = [
            """
            {"kind": "Lease", "metadata": {"name": "viridian", "namespace": "blog", "annotations": {
             "viridian.dev/live-color": "green", "viridian.dev/live-version": "v1"\(made)}}}
            """,
            """
            {"kind": "ReplicationController", "metadata": {"name": "blog-blue", "namespace": "blog", "annotations": {
             "viridian.dev/version": "v2"\(made)}}, "spec": {"replicas": 3, "template": {"spec": {"containers": [
             {"image": "registry.local:5000/blog:v2"}]}}}, "status": {"readyReplicas": 2}}
            """,
            """
            {"kind": "Deployment", "metadata": {"name": "blog-green", "namespace": "blog", "deletionTimestamp": "now"}}
            """,
        ]
        for text in objects {
            let object = try #require(WatchedObject(try JSON(parsing: text), of: owners))
            #expect(WatchedObject(kept: object.json) == object)
            if case .lease(let live) = object.content { #expect(live.journal?.release == release) }
        }
        for text in [#"{"metadata": {"name": "viridian", "namespace": "other"}}"#, "{}", "[]", "3"] {
            #expect(WatchedObject(try JSON(parsing: text), of: owners) == nil)
            #expect(WatchedObject(kept: try JSON(parsing: text)) == nil)
        }
    }
}
