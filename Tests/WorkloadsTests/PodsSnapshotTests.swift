import Controller
import Kubernetes
import ReleaseMachine
import Testing

@testable import Workloads

@Suite("All pods of a candidate")
struct PodsSnapshotTests {
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

    @Test("ready when the desired number is ready")
    func counting() throws {
        var state = PodsSnapshot(desired: 2, stable: .zero)
        #expect(state.observation(at: start).0.report == PodsReport(ready: 0, desired: 2, pods: []))
        state.apply(pods: snapshot(try readyPod("blog-green-1"), try starting("blog-green-2")))
        var seen = state.observation(at: start).0
        #expect(seen.report.ready == 1)
        #expect(seen.report.pods.map(\.name) == ["blog-green-1", "blog-green-2"])
        #expect(seen.verdict == .waiting)
        state.apply(pods: .modified(try readyPod("blog-green-2")))
        seen = state.observation(at: start).0
        #expect(seen.report.ready == 2)
        #expect(seen.verdict == .ready)
        state.apply(pods: .deleted(try readyPod("blog-green-1")))
        #expect(state.observation(at: start).0.report.pods.map(\.name) == ["blog-green-2"])
        state.apply(pods: .added(try readyPod("blog-green-3")))
        #expect(state.observation(at: start).0.verdict == .ready)
        state.apply(pods: snapshot())
        #expect(state.observation(at: start).0.verdict == .waiting)
    }

    @Test("terminating pods are ignored unless they are still ready")
    func deleting() throws {
        var state = PodsSnapshot(desired: 1, stable: .zero)
        var old = try crashing("blog-green-0")
        old[at: "metadata.deletionTimestamp"] = "2015-10-25T14:34:33Z"
        state.apply(pods: snapshot(old, try readyPod("blog-green-1")))
        let seen = state.observation(at: start).0
        #expect(seen.verdict == .ready)
        #expect(seen.report.pods.map(\.name) == ["blog-green-1"])
    }

    @Test("with a stable window, all must have been ready for that long, without a restart")
    func stable() throws {
        var state = PodsSnapshot(desired: 1, stable: .seconds(10))
        state.apply(pods: snapshot(try readyPod("blog-green-1")))
        #expect(state.observation(at: start).0.verdict == .waiting)
        #expect(state.observation(at: start + .milliseconds(9_999)).0.verdict == .waiting)
        #expect(state.observation(at: start + .seconds(10)).0.verdict == .ready)

        // A restart between two observations restarts the window.
        state.apply(pods: .modified(try readyPod("blog-green-1", restarts: 1)))
        #expect(state.observation(at: start + .seconds(11)).0.verdict == .waiting)
        #expect(state.observation(at: start + .seconds(20)).0.verdict == .waiting)
        #expect(state.observation(at: start + .seconds(21)).0.verdict == .ready)

        // So does a pod that was briefly not ready.
        state.apply(pods: .modified(try starting("blog-green-1")))
        #expect(state.observation(at: start + .seconds(22)).0.verdict == .waiting)
        state.apply(pods: .modified(try readyPod("blog-green-1", restarts: 1)))
        #expect(state.observation(at: start + .seconds(23)).0.verdict == .waiting)
        #expect(state.observation(at: start + .seconds(33)).0.verdict == .ready)
    }

    @Test("one failed pod is enough, and its container is named for the log")
    func failedPod() throws {
        var state = PodsSnapshot(desired: 2, stable: .zero)
        state.apply(pods: snapshot(try readyPod("blog-green-1"), try crashing("blog-green-2")))
        let (seen, crashed) = state.observation(at: start)
        #expect(seen.verdict == .failed("pod blog-green-2: blog exited with code 3, 2 times", details: []))
        #expect(crashed?.pod == "blog-green-2")
        #expect(crashed?.container == "blog")
    }

    // MARK: What keeps pods from being created

    private let quota =
        "pods \"blog-green-\" is forbidden: exceeded quota: few, requested: pods=1, used: pods=1, limited: pods=1"

    @Test("an exceeded quota is reported at once, and fails when it stays")
    func quotaGrace() throws {
        var state = PodsSnapshot(desired: 2, stable: .zero)
        state.apply(pods: snapshot(try readyPod("blog-green-1")))
        state.apply(workload: snapshot(try workload(quota)), at: start)
        var seen = state.observation(at: start + .milliseconds(7_999)).0
        #expect(seen.verdict == .waiting)
        #expect(seen.report.warnings == [quota])
        // The same error again does not restart the time.
        state.apply(workload: .modified(try workload(quota)), at: start + .seconds(5))
        seen = state.observation(at: start + .seconds(8)).0
        #expect(seen.verdict == .failed("the cluster has created no more pods: \(quota)", details: []))
    }

    @Test("a quota that is raised in time is no problem")
    func quotaLifted() throws {
        var state = PodsSnapshot(desired: 1, stable: .zero)
        state.apply(pods: snapshot())
        state.apply(workload: snapshot(try workload(quota)), at: start)
        state.apply(workload: .modified(try workload(nil)), at: start + .seconds(1))
        #expect(state.observation(at: start + .seconds(100)).0.report.warnings == [])
        state.apply(workload: .modified(try workload(quota)), at: start + .seconds(100))
        #expect(state.observation(at: start + .seconds(101)).0.verdict == .waiting)
    }

    @Test("a new namespace has no service account yet: this is transient")
    func youngNamespace() throws {
        let words =
            "pods \"blog-green-\" is forbidden: error looking up service account blog/default: "
            + "serviceaccount \"default\" not found"
        var state = PodsSnapshot(desired: 1, stable: .zero)
        state.apply(pods: snapshot())
        state.apply(workload: snapshot(try workload(words)), at: start)
        let seen = state.observation(at: start + .seconds(60)).0
        #expect(seen.verdict == .waiting)
        #expect(seen.report.warnings == [words])
    }

    @Test(
        "an unavailable webhook or account is reported at once, and fails after two minutes",
        arguments: [
            "Internal error occurred: failed calling webhook \"inject.example.com\": failed to call webhook: Post "
                + "\"https://inject.mesh.svc:443/inject?timeout=10s\": no endpoints available for service \"inject\"",
            "Internal error occurred: failed calling webhook \"inject.example.com\": Post "
                + "\"https://inject.mesh.svc:443/inject?timeout=10s\": dial tcp 10.96.3.4:443: connect: connection refused",
            "Internal error occurred: failed calling webhook \"inject.example.com\": failed to call webhook: Post "
                + "\"https://inject.mesh.svc:443/inject?timeout=10s\": context deadline exceeded",
            "pods \"blog-green-\" is forbidden: error looking up service account blog/blog: serviceaccount \"blog\" not found",
        ])
    func transientFailure(words: String) throws {
        var state = PodsSnapshot(desired: 1, stable: .zero)
        state.apply(pods: snapshot())
        state.apply(workload: snapshot(try workload(words)), at: start)
        #expect(state.observation(at: start).0.report.warnings == [words])
        #expect(state.observation(at: start + .milliseconds(119_999)).0.verdict == .waiting)
        #expect(
            state.observation(at: start + .seconds(120)).0.verdict
                == .failed("the cluster has created no more pods for 2 minutes: \(words)", details: []))
        state.apply(workload: .modified(try workload(nil)), at: start + .seconds(121))
        #expect(state.observation(at: start + .seconds(500)).0.verdict == .waiting)
    }

    @Test("a rejection by a webhook or a policy fails after 8 seconds")
    func decidedRefusal() throws {
        for words in [
            "admission webhook \"policy.example.com\" denied the request: context deadline exceeded is no name",
            "pods \"blog-green-\" is forbidden: violates PodSecurity \"restricted:latest\": runAsNonRoot != true",
        ] {
            var state = PodsSnapshot(desired: 1, stable: .zero)
            state.apply(pods: snapshot())
            state.apply(workload: snapshot(try workload(words)), at: start)
            #expect(state.observation(at: start + .milliseconds(7_999)).0.verdict == .waiting)
            #expect(
                state.observation(at: start + .seconds(8)).0.verdict
                    == .failed("the cluster has created no more pods: \(words)", details: []))
        }
    }

    @Test("a quota after an outage gets its own seconds")
    func refusalOfAnotherKind() throws {
        var state = PodsSnapshot(desired: 1, stable: .zero)
        state.apply(pods: snapshot())
        state.apply(workload: snapshot(try workload("failed calling webhook \"x\": EOF")), at: start)
        state.apply(workload: .modified(try workload(quota)), at: start + .seconds(60))
        #expect(state.observation(at: start + .seconds(67)).0.verdict == .waiting)
        #expect(state.observation(at: start + .seconds(68)).0.verdict != .waiting)
    }

    @Test("a container name that stays reserved fails after two minutes, even if the message changes")
    func reservedName() throws {
        func reserved(_ words: String) throws -> JSON {
            try pod(status(container(waiting("CreateContainerError", words))), name: "blog-green-1")
        }
        var state = PodsSnapshot(desired: 1, stable: .zero)
        state.apply(pods: snapshot(try reserved("context deadline exceeded")))
        #expect(state.observation(at: start).0.verdict == .waiting)
        let words = "failed to reserve container name \"x\": name \"x\" is reserved for \"3f\""
        state.apply(pods: .modified(try reserved(words)))
        let seen = state.observation(at: start + .milliseconds(119_999)).0
        #expect(seen.verdict == .waiting)
        #expect(seen.report.pods.map(\.reason) == ["blog cannot be started: \(words)"])
        #expect(
            state.observation(at: start + .seconds(120)).0.verdict
                == .failed("pod blog-green-1: blog cannot be started: \(words) (for 2 minutes)", details: []))

        // A container that ran in between gets two minutes again.
        state.apply(pods: .modified(try readyPod("blog-green-1")))
        #expect(state.observation(at: start + .seconds(121)).0.verdict == .ready)
        state.apply(pods: .modified(try reserved(words)))
        #expect(state.observation(at: start + .seconds(122)).0.verdict == .waiting)
        #expect(state.observation(at: start + .seconds(241)).0.verdict == .waiting)
    }

    @Test("a pod that stays in a normal step is reported with the step")
    func longStep() throws {
        func reason(at time: Duration, _ state: inout PodsSnapshot) -> String? {
            state.observation(at: start + time).0.report.pods.first?.reason
        }
        var state = PodsSnapshot(desired: 1, stable: .zero)
        state.apply(pods: snapshot(try starting("blog-green-1")))
        #expect(reason(at: .zero, &state) == nil)
        #expect(reason(at: .milliseconds(9_999), &state) == nil)
        #expect(reason(at: .seconds(10), &state) == "blog is in state ContainerCreating")
        state.apply(pods: .modified(try pod(status(container(running), phase: "Running"), name: "blog-green-1")))
        #expect(reason(at: .seconds(11), &state) == nil)
        #expect(reason(at: .seconds(21), &state) == "containers with unready status: [blog]")
        state.apply(pods: .modified(try pod(#"{"phase": "Pending"}"#, name: "blog-green-1")))
        #expect(reason(at: .seconds(22), &state) == nil)
        #expect(reason(at: .seconds(32), &state) == "its phase is Pending")
    }

    @Test("a candidate without any pod for 10 seconds is reported if the cluster gives no reason")
    func noPods() throws {
        var state = PodsSnapshot(desired: 1, stable: .zero)
        state.apply(pods: snapshot())
        #expect(state.observation(at: start).0.report.warnings == [])
        #expect(state.observation(at: start + .milliseconds(9_999)).0.report.warnings == [])
        let words =
            "the cluster has not created a pod yet and gives no reason: its controller manager may not be running"
        #expect(state.observation(at: start + .seconds(10)).0.report.warnings == [words])
        state.apply(workload: .modified(try workload(quota)), at: start + .seconds(11))
        #expect(state.observation(at: start + .seconds(11)).0.report.warnings == [quota])
        state.apply(workload: .modified(try workload(nil)), at: start + .seconds(12))
        state.apply(pods: .added(try starting("blog-green-1")))
        #expect(state.observation(at: start + .seconds(30)).0.report.warnings == [])
    }

    @Test("sums of numbers out of range do not overflow")
    func hostileCounts() throws {
        for count in ["9223372036854775807", "-9223372036854775808", "1e300"] {
            let status = """
                {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}], "containerStatuses": [
                 {"name": "a", "restartCount": \(count), "state": {}}, {"name": "b", "restartCount": \(count), "state": {},
                  "lastState": {"terminated": {"exitCode": \(count), "signal": \(count)}}}]}
                """
            var state = PodsSnapshot(desired: 2, stable: .zero)
            state.apply(
                pods: snapshot(try pod(status, name: "blog-green-1"), try pod(status, name: "blog-green-2")))
            #expect(state.observation(at: start).0.report.ready == 2)
            let unready = status.replacing("\"True\"", with: "\"False\"")
            state.apply(pods: snapshot(try pod(unready, name: "blog-green-1")))
            _ = state.observation(at: start)
        }
    }

    @Test("a replica failure does not matter if all pods exist")
    func quotaAfterwards() throws {
        var state = PodsSnapshot(desired: 1, stable: .zero)
        state.apply(pods: snapshot(try readyPod("blog-green-1")))
        state.apply(workload: snapshot(try workload(quota)), at: start)
        #expect(state.observation(at: start + .seconds(60)).0.verdict == .ready)
    }

    // MARK: Events

    private func reason(_ events: WatchEvent...) throws -> String? {
        var state = PodsSnapshot(desired: 1, stable: .zero)
        let image = waiting("ImagePullBackOff", "Back-off pulling image")
        state.apply(pods: snapshot(try pod(status(container(image)), name: "blog-green-1")))
        for event in events { state.apply(warnings: event) }
        return state.observation(at: start).0.report.pods.first?.reason
    }

    private let prefix = "image registry.local:5000/blog:20151025.143403 is not pulled yet: "

    @Test("the newest event of a reason counts, in any order of a list")
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

    @Test("an event that only repeats the status does not hide the one with the cause")
    func repeatingEvent() throws {
        let cause = warning("Failed", "i/o timeout", at: "2015-10-25T14:34:00Z")
        let repeating = warning("Failed", "Error: ErrImagePull", at: "2015-10-25T14:35:00Z")
        #expect(try reason(snapshot(cause, repeating)) == prefix + "i/o timeout")
        #expect(try reason(snapshot(cause), .deleted(cause)) == prefix + "i/o timeout")
        #expect(try reason(snapshot()) == prefix + "Back-off pulling image")
    }
}
