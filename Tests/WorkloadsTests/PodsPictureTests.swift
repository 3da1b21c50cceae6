import Controller
import Kubernetes
import ReleaseMachine
import Testing

@testable import Workloads

@Suite("All pods of a candidate, seen together")
struct PodsPictureTests {
    private let start = Blog.start

    private func snapshot(_ items: JSON...) -> WatchEvent {
        .snapshot(ResourceList(items: items, resourceVersion: "1"))
    }

    private func crashing(_ name: String) throws -> JSON {
        try pod(status(container(waiting("CrashLoopBackOff"), last: terminated(3), restarts: 1)), name: name)
    }

    private func starting(_ name: String) throws -> JSON {
        try pod(status(container(waiting("ContainerCreating"))), name: name)
    }

    private func workload(_ failure: String?) throws -> JSON {
        var object: JSON = ["kind": "ReplicationController", "metadata": ["name": "blog-green"]]
        if let failure {
            object[at: "status.conditions"] = [
                ["type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": .string(failure)]
            ]
        }
        return object
    }

    private func warning(_ reason: String, _ message: String, at time: String, field: String = "lastTimestamp") -> JSON
    {
        [
            "kind": "Event", "type": "Warning", "reason": .string(reason), "message": .string(message),
            "involvedObject": ["kind": "Pod", "name": "blog-green-1"], field: .string(time),
        ]
    }

    @Test("ready when as many are ready as are wanted")
    func counting() throws {
        var picture = PodsPicture(desired: 2, stable: .zero)
        #expect(picture.observation(at: start).0.report == PodsReport(ready: 0, desired: 2, pods: []))
        picture.take(pods: snapshot(try readyPod("blog-green-1"), try starting("blog-green-2")))
        var seen = picture.observation(at: start).0
        #expect(seen.report.ready == 1)
        #expect(seen.report.pods.map(\.name) == ["blog-green-1", "blog-green-2"])
        #expect(seen.verdict == .waiting)
        picture.take(pods: .modified(try readyPod("blog-green-2")))
        seen = picture.observation(at: start).0
        #expect(seen.report.ready == 2)
        #expect(seen.verdict == .ready)
        picture.take(pods: .deleted(try readyPod("blog-green-1")))
        #expect(picture.observation(at: start).0.report.pods.map(\.name) == ["blog-green-2"])
        picture.take(pods: .added(try readyPod("blog-green-3")))
        #expect(picture.observation(at: start).0.verdict == .ready)
        picture.take(pods: snapshot())
        #expect(picture.observation(at: start).0.verdict == .waiting)
    }

    @Test("pods that are being deleted are passed over, unless they carry traffic still")
    func deleting() throws {
        var picture = PodsPicture(desired: 1, stable: .zero)
        var old = try crashing("blog-green-0")
        old[at: "metadata.deletionTimestamp"] = "2015-10-25T14:34:33Z"
        picture.take(pods: snapshot(old, try readyPod("blog-green-1")))
        let seen = picture.observation(at: start).0
        #expect(seen.verdict == .ready)
        #expect(seen.report.pods.map(\.name) == ["blog-green-1"])
    }

    @Test("with a stable window, all must have been ready for that long, without a restart")
    func stable() throws {
        var picture = PodsPicture(desired: 1, stable: .seconds(10))
        picture.take(pods: snapshot(try readyPod("blog-green-1")))
        #expect(picture.observation(at: start).0.verdict == .waiting)
        #expect(picture.observation(at: start + .milliseconds(9_999)).0.verdict == .waiting)
        #expect(picture.observation(at: start + .seconds(10)).0.verdict == .ready)

        // A restart between two looks begins the window anew.
        picture.take(pods: .modified(try readyPod("blog-green-1", restarts: 1)))
        #expect(picture.observation(at: start + .seconds(11)).0.verdict == .waiting)
        #expect(picture.observation(at: start + .seconds(20)).0.verdict == .waiting)
        #expect(picture.observation(at: start + .seconds(21)).0.verdict == .ready)

        // So does a pod that was not ready for a moment.
        picture.take(pods: .modified(try starting("blog-green-1")))
        #expect(picture.observation(at: start + .seconds(22)).0.verdict == .waiting)
        picture.take(pods: .modified(try readyPod("blog-green-1", restarts: 1)))
        #expect(picture.observation(at: start + .seconds(23)).0.verdict == .waiting)
        #expect(picture.observation(at: start + .seconds(33)).0.verdict == .ready)
    }

    @Test("one hopeless pod is enough, and its container is named for the log")
    func hopeless() throws {
        var picture = PodsPicture(desired: 2, stable: .zero)
        picture.take(pods: snapshot(try readyPod("blog-green-1"), try crashing("blog-green-2")))
        let (seen, crashed) = picture.observation(at: start)
        #expect(seen.verdict == .hopeless("pod blog-green-2: blog exited with code 3, 2 times", details: []))
        #expect(crashed?.pod == "blog-green-2")
        #expect(crashed?.container == "blog")
    }

    // MARK: What holds the pods up

    private let quota =
        "pods \"blog-green-\" is forbidden: exceeded quota: few, requested: pods=1, used: pods=1, limited: pods=1"

    @Test("a quota is shown at once, and given up on when it stays")
    func quotaGrace() throws {
        var picture = PodsPicture(desired: 2, stable: .zero)
        picture.take(pods: snapshot(try readyPod("blog-green-1")))
        picture.take(workload: snapshot(try workload(quota)), at: start)
        var seen = picture.observation(at: start + .milliseconds(7_999)).0
        #expect(seen.verdict == .waiting)
        #expect(seen.report.warnings == [quota])
        // The same again does not begin anew.
        picture.take(workload: .modified(try workload(quota)), at: start + .seconds(5))
        seen = picture.observation(at: start + .seconds(8)).0
        #expect(seen.verdict == .hopeless("the cluster makes no more pods: \(quota)", details: []))
    }

    @Test("a quota that is lifted in time is forgotten")
    func quotaLifted() throws {
        var picture = PodsPicture(desired: 1, stable: .zero)
        picture.take(pods: snapshot())
        picture.take(workload: snapshot(try workload(quota)), at: start)
        picture.take(workload: .modified(try workload(nil)), at: start + .seconds(1))
        #expect(picture.observation(at: start + .seconds(100)).0.report.warnings == [])
        picture.take(workload: .modified(try workload(quota)), at: start + .seconds(100))
        #expect(picture.observation(at: start + .seconds(101)).0.verdict == .waiting)
    }

    @Test("a namespace that has just been made has no account for pods yet: that passes")
    func youngNamespace() throws {
        let words =
            "pods \"blog-green-\" is forbidden: error looking up service account blog/default: "
            + "serviceaccount \"default\" not found"
        var picture = PodsPicture(desired: 1, stable: .zero)
        picture.take(pods: snapshot())
        picture.take(workload: snapshot(try workload(words)), at: start)
        let seen = picture.observation(at: start + .seconds(60)).0
        #expect(seen.verdict == .waiting)
        #expect(seen.report.warnings == [words])
    }

    @Test(
        "a webhook or an account that is away for the moment is shown at once, and given up on after two minutes",
        arguments: [
            "Internal error occurred: failed calling webhook \"inject.example.com\": failed to call webhook: Post "
                + "\"https://inject.mesh.svc:443/inject?timeout=10s\": no endpoints available for service \"inject\"",
            "Internal error occurred: failed calling webhook \"inject.example.com\": Post "
                + "\"https://inject.mesh.svc:443/inject?timeout=10s\": dial tcp 10.96.3.4:443: connect: connection refused",
            "Internal error occurred: failed calling webhook \"inject.example.com\": failed to call webhook: Post "
                + "\"https://inject.mesh.svc:443/inject?timeout=10s\": context deadline exceeded",
            "pods \"blog-green-\" is forbidden: error looking up service account blog/blog: serviceaccount \"blog\" not found",
        ])
    func passingRefusal(words: String) throws {
        var picture = PodsPicture(desired: 1, stable: .zero)
        picture.take(pods: snapshot())
        picture.take(workload: snapshot(try workload(words)), at: start)
        #expect(picture.observation(at: start).0.report.warnings == [words])
        #expect(picture.observation(at: start + .milliseconds(119_999)).0.verdict == .waiting)
        #expect(
            picture.observation(at: start + .seconds(120)).0.verdict
                == .hopeless("the cluster makes no more pods for 2 minutes: \(words)", details: []))
        picture.take(workload: .modified(try workload(nil)), at: start + .seconds(121))
        #expect(picture.observation(at: start + .seconds(500)).0.verdict == .waiting)
    }

    @Test("a decision is no outage: what a webhook or a policy denies is given up on after 8 seconds")
    func decidedRefusal() throws {
        for words in [
            "admission webhook \"policy.example.com\" denied the request: context deadline exceeded is no name",
            "pods \"blog-green-\" is forbidden: violates PodSecurity \"restricted:latest\": runAsNonRoot != true",
        ] {
            var picture = PodsPicture(desired: 1, stable: .zero)
            picture.take(pods: snapshot())
            picture.take(workload: snapshot(try workload(words)), at: start)
            #expect(picture.observation(at: start + .milliseconds(7_999)).0.verdict == .waiting)
            #expect(
                picture.observation(at: start + .seconds(8)).0.verdict
                    == .hopeless("the cluster makes no more pods: \(words)", details: []))
        }
    }

    @Test("a quota after an outage gets its own seconds")
    func refusalOfAnotherKind() throws {
        var picture = PodsPicture(desired: 1, stable: .zero)
        picture.take(pods: snapshot())
        picture.take(workload: snapshot(try workload("failed calling webhook \"x\": EOF")), at: start)
        picture.take(workload: .modified(try workload(quota)), at: start + .seconds(60))
        #expect(picture.observation(at: start + .seconds(67)).0.verdict == .waiting)
        #expect(picture.observation(at: start + .seconds(68)).0.verdict != .waiting)
    }

    @Test("a container name that stays reserved is given up on after two minutes, in whatever words of the moment")
    func reservedName() throws {
        func reserved(_ words: String) throws -> JSON {
            try pod(status(container(waiting("CreateContainerError", words))), name: "blog-green-1")
        }
        var picture = PodsPicture(desired: 1, stable: .zero)
        picture.take(pods: snapshot(try reserved("context deadline exceeded")))
        #expect(picture.observation(at: start).0.verdict == .waiting)
        let words = "failed to reserve container name \"x\": name \"x\" is reserved for \"3f\""
        picture.take(pods: .modified(try reserved(words)))
        let seen = picture.observation(at: start + .milliseconds(119_999)).0
        #expect(seen.verdict == .waiting)
        #expect(seen.report.pods.map(\.reason) == ["blog cannot be started: \(words)"])
        #expect(
            picture.observation(at: start + .seconds(120)).0.verdict
                == .hopeless("pod blog-green-1: blog cannot be started: \(words) (for 2 minutes)", details: []))

        // Running in between, and it has its two minutes again.
        picture.take(pods: .modified(try readyPod("blog-green-1")))
        #expect(picture.observation(at: start + .seconds(121)).0.verdict == .ready)
        picture.take(pods: .modified(try reserved(words)))
        #expect(picture.observation(at: start + .seconds(122)).0.verdict == .waiting)
        #expect(picture.observation(at: start + .seconds(241)).0.verdict == .waiting)
    }

    @Test("a pod that stays in a step that every pod takes says in which")
    func longStep() throws {
        func reason(at time: Duration, _ picture: inout PodsPicture) -> String? {
            picture.observation(at: start + time).0.report.pods.first?.reason
        }
        var picture = PodsPicture(desired: 1, stable: .zero)
        picture.take(pods: snapshot(try starting("blog-green-1")))
        #expect(reason(at: .zero, &picture) == nil)
        #expect(reason(at: .milliseconds(9_999), &picture) == nil)
        #expect(reason(at: .seconds(10), &picture) == "blog is at ContainerCreating")
        picture.take(pods: .modified(try pod(status(container(running), phase: "Running"), name: "blog-green-1")))
        #expect(reason(at: .seconds(11), &picture) == nil)
        #expect(reason(at: .seconds(21), &picture) == "containers with unready status: [blog]")
        picture.take(pods: .modified(try pod(#"{"phase": "Pending"}"#, name: "blog-green-1")))
        #expect(reason(at: .seconds(22), &picture) == nil)
        #expect(reason(at: .seconds(32), &picture) == "its phase is Pending")
    }

    @Test("a candidate without any pod for 10 seconds is said, where the cluster gives no reason itself")
    func noPods() throws {
        var picture = PodsPicture(desired: 1, stable: .zero)
        picture.take(pods: snapshot())
        #expect(picture.observation(at: start).0.report.warnings == [])
        #expect(picture.observation(at: start + .milliseconds(9_999)).0.report.warnings == [])
        let words = "the cluster has made no pod yet, and does not say why: its controller manager may be away"
        #expect(picture.observation(at: start + .seconds(10)).0.report.warnings == [words])
        picture.take(workload: .modified(try workload(quota)), at: start + .seconds(11))
        #expect(picture.observation(at: start + .seconds(11)).0.report.warnings == [quota])
        picture.take(workload: .modified(try workload(nil)), at: start + .seconds(12))
        picture.take(pods: .added(try starting("blog-green-1")))
        #expect(picture.observation(at: start + .seconds(30)).0.report.warnings == [])
    }

    @Test("numbers that no cluster has are added up without an end of this process")
    func hostileCounts() throws {
        for count in ["9223372036854775807", "-9223372036854775808", "1e300"] {
            let status = """
                {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}], "containerStatuses": [
                 {"name": "a", "restartCount": \(count), "state": {}}, {"name": "b", "restartCount": \(count), "state": {},
                  "lastState": {"terminated": {"exitCode": \(count), "signal": \(count)}}}]}
                """
            var picture = PodsPicture(desired: 2, stable: .zero)
            picture.take(
                pods: snapshot(try pod(status, name: "blog-green-1"), try pod(status, name: "blog-green-2")))
            #expect(picture.observation(at: start).0.report.ready == 2)
            let unready = status.replacing("\"True\"", with: "\"False\"")
            picture.take(pods: snapshot(try pod(unready, name: "blog-green-1")))
            _ = picture.observation(at: start)
        }
    }

    @Test("a refusal does not matter to pods that are all there")
    func quotaAfterwards() throws {
        var picture = PodsPicture(desired: 1, stable: .zero)
        picture.take(pods: snapshot(try readyPod("blog-green-1")))
        picture.take(workload: snapshot(try workload(quota)), at: start)
        #expect(picture.observation(at: start + .seconds(60)).0.verdict == .ready)
    }

    // MARK: Events

    private func reason(_ events: WatchEvent...) throws -> String? {
        var picture = PodsPicture(desired: 1, stable: .zero)
        let image = waiting("ImagePullBackOff", "Back-off pulling image")
        picture.take(pods: snapshot(try pod(status(container(image)), name: "blog-green-1")))
        for event in events { picture.take(warnings: event) }
        return picture.observation(at: start).0.report.pods.first?.reason
    }

    private let prefix = "image registry.local:5000/blog:20151025.143403 is not pulled yet: "

    @Test("the newest event of a reason counts, in whatever order a list has them")
    func newestEvent() throws {
        let (old, new) = ("i/o timeout", "503 Service Unavailable")
        for field in ["lastTimestamp", "eventTime"] {
            let events = [
                warning("Failed", new, at: "2015-10-25T14:35:00Z", field: field),
                warning("Failed", old, at: "2015-10-25T14:34:00Z", field: field),
            ]
            #expect(try reason(snapshot(events[0], events[1])) == prefix + new)
            #expect(try reason(snapshot(events[1], events[0])) == prefix + new)
        }
        let first = warning("Failed", old, at: "2015-10-25T14:34:00Z")
        #expect(try reason(snapshot(first), .added(warning("Failed", new, at: "2015-10-25T14:35:00Z"))) == prefix + new)
    }

    @Test("an event that only repeats the status does not hide the one that names the cause")
    func repeatingEvent() throws {
        let cause = warning("Failed", "i/o timeout", at: "2015-10-25T14:34:00Z")
        let repeating = warning("Failed", "Error: ErrImagePull", at: "2015-10-25T14:35:00Z")
        #expect(try reason(snapshot(cause, repeating)) == prefix + "i/o timeout")
        #expect(try reason(snapshot(cause), .deleted(cause)) == prefix + "i/o timeout")
        #expect(try reason(snapshot()) == prefix + "Back-off pulling image")
    }
}
