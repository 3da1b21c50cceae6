import Kubernetes
import ReleaseMachine
import Testing

@testable import Workloads

@Suite("Why a pod is not ready")
struct PodDiagnosisTests {
    private let image = "registry.local:5000/blog:20151025.143403"

    /// Expects a pod that does not become ready, its reason, and the container whose log explains it.
    private func expectHopeless(
        _ diagnosis: PodDiagnosis, _ text: String, crashed: String? = nil,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        #expect(diagnosis.outlook == .failed(text, crashed: crashed), sourceLocation: sourceLocation)
        #expect(diagnosis.summary.reason == text, sourceLocation: sourceLocation)
        #expect(!diagnosis.summary.isReady, sourceLocation: sourceLocation)
    }

    private func expectMayBecomeReady(
        _ diagnosis: PodDiagnosis, _ text: String?, sourceLocation: SourceLocation = #_sourceLocation
    ) {
        #expect(diagnosis.outlook == .mayBecomeReady, sourceLocation: sourceLocation)
        #expect(diagnosis.summary.reason == text, sourceLocation: sourceLocation)
    }

    /// Expects a transient problem, which may last two minutes.
    private func expectMustBecomeReady(
        _ diagnosis: PodDiagnosis, _ text: String, sourceLocation: SourceLocation = #_sourceLocation
    ) {
        #expect(diagnosis.outlook == .mustBecomeReady(within: .seconds(120), text), sourceLocation: sourceLocation)
        #expect(diagnosis.summary.reason == text, sourceLocation: sourceLocation)
    }

    @Test("a ready pod has no reason")
    func ready() throws {
        let diagnosis = PodDiagnosis(try readyPod("blog-green-x7f2k", restarts: 4))
        #expect(diagnosis.outlook == .ready)
        #expect(diagnosis.summary == .init(name: "blog-green-x7f2k", isReady: true, reason: nil, restarts: 4))
    }

    @Test("the normal steps of a starting pod are no problem")
    func starting() throws {
        expectMayBecomeReady(PodDiagnosis(try pod(#"{"phase": "Pending"}"#)), nil)
        expectMayBecomeReady(PodDiagnosis(try pod(status(container(waiting("ContainerCreating"))))), nil)
        expectMayBecomeReady(PodDiagnosis(try pod(status(container(waiting("PodInitializing"))))), nil)
        expectMayBecomeReady(PodDiagnosis(try pod(status(container(running), phase: "Running"))), nil)
    }

    // MARK: Images

    @Test(
        "an image that the registry does not have or refuses",
        arguments: [
            "rpc error: code = NotFound desc = failed to pull and unpack image \"registry.local:5000/blog:20151025.143403\": "
                + "failed to resolve reference \"registry.local:5000/blog:20151025.143403\": registry.local:5000/blog:20151025.143403: not found",
            "rpc error: code = Unknown desc = Error response from daemon: manifest for registry.local:5000/blog:20151025.143403 not found: manifest unknown: manifest unknown",
            "Error response from daemon: pull access denied for blog, repository does not exist or may require 'docker login'",
            "failed to authorize: failed to fetch oauth token: unexpected status: 401 Unauthorized",
            "rpc error: code = Unknown desc = Error reading manifest: name unknown: The repository with name 'blog' does not exist",
        ])
    func imageNotFound(_ message: String) throws {
        let pod = try pod(status(container(waiting("ErrImagePull", message))))
        expectHopeless(PodDiagnosis(pod), "image \(image) cannot be pulled: \(message)")
    }

    @Test("the back-off has no cause, the event has it")
    func imageBackOff() throws {
        let pod = try pod(status(container(waiting("ImagePullBackOff", "Back-off pulling image \"\(image)\""))))
        let cause = "Failed to pull image \"\(image)\": \(image): not found"
        expectHopeless(PodDiagnosis(pod, warnings: ["Failed": cause]), "image \(image) cannot be pulled: \(cause)")
        expectMayBecomeReady(PodDiagnosis(pod), "image \(image) is not pulled yet: Back-off pulling image \"\(image)\"")
    }

    @Test(
        "a registry that does not answer may answer later",
        arguments: [
            "failed to do request: Head \"https://registry.local:5000/v2/blog/manifests/20151025.143403\": dial tcp 10.0.0.9:5000: i/o timeout",
            "dial tcp: lookup registry.local on 10.96.0.10:53: server misbehaving",
            "toomanyrequests: You have reached your pull rate limit",
            "unexpected status from HEAD request: 503 Service Unavailable",
        ])
    func transientPull(_ message: String) throws {
        let first = try pod(status(container(waiting("ErrImagePull", message))))
        expectMayBecomeReady(PodDiagnosis(first), "image \(image) is not pulled yet: \(message)")
        let later = try pod(status(container(waiting("ImagePullBackOff", "Back-off pulling image \"\(image)\""))))
        expectMayBecomeReady(
            PodDiagnosis(later, warnings: ["Failed": message]), "image \(image) is not pulled yet: \(message)")
    }

    @Test("an invalid image name, and an image that may not be pulled")
    func imageName() throws {
        let message = "Failed to apply default image tag \"registry.local:5000/BLOG:x\": couldn't parse image name"
        let invalid = try pod(
            status(container(waiting("InvalidImageName", message))),
            spec: #"{"containers": [{"name": "blog", "image": "registry.local:5000/BLOG:x"}]}"#)
        expectHopeless(PodDiagnosis(invalid), "image registry.local:5000/BLOG:x cannot be pulled: \(message)")
        let never = try pod(status(container(waiting("ErrImageNeverPull"))))
        expectHopeless(PodDiagnosis(never), "image \(image) cannot be pulled: ErrImageNeverPull")
    }

    // MARK: Starting a container

    @Test(
        "a missing configuration is permanent",
        arguments: [
            "secret \"blog-db\" not found", "configmap \"cache-settings\" not found",
            "couldn't find key password in Secret blog/blog-db",
        ])
    func configuration(_ message: String) throws {
        let pod = try pod(status(container(waiting("CreateContainerConfigError", message))))
        expectHopeless(PodDiagnosis(pod), "blog cannot be started: \(message)")
    }

    @Test("a kubelet cache that is behind is transient")
    func cache() throws {
        for message in [
            "failed to sync secret cache: timed out waiting for the condition",
            "failed to sync configmap cache: timed out waiting for the condition",
        ] {
            let pod = try pod(status(container(waiting("CreateContainerConfigError", message))))
            expectMustBecomeReady(PodDiagnosis(pod), "blog cannot be started: \(message)")
        }
    }

    @Test(
        "a runtime that is busy with its first attempt is transient",
        arguments: [
            "failed to reserve container name \"blog_blog-green-x7f2k_blog_0d1c9f1e_0\": name \"blog_blog-green-x7f2k_blog_0d1c9f1e_0\" is reserved for \"3f5b1c\"",
            "Error response from daemon: Conflict. The container name \"/k8s_blog_blog-green-x7f2k_blog_0d1c9f1e_0\" is already in use by container \"3f5b1c\". You have to remove (or rename) that container to be able to reuse that name.",
            "rpc error: code = DeadlineExceeded desc = context deadline exceeded",
        ])
    func busyRuntime(_ message: String) throws {
        for reason in ["CreateContainerError", "RunContainerError"] {
            let pod = try pod(status(container(waiting(reason, message))))
            expectMustBecomeReady(PodDiagnosis(pod), "blog cannot be started: \(message)")
        }
    }

    @Test("a program that is not in the image")
    func noProgram() throws {
        let message =
            "failed to create containerd task: exec: \"/sbin/blog\": stat /sbin/blog: no such file or directory"
        for reason in ["RunContainerError", "CreateContainerError"] {
            expectHopeless(
                PodDiagnosis(try pod(status(container(waiting(reason, message))))), "blog cannot be started: \(message)"
            )
        }
        let busy = "context deadline exceeded"
        expectMustBecomeReady(
            PodDiagnosis(try pod(status(container(waiting("CreateContainerError", busy))))),
            "blog cannot be started: \(busy)")
    }

    // MARK: Crashes

    private let backOff = "back-off 10s restarting failed container=blog pod=blog-green-x7f2k_blog(0d1c9f1e)"

    @Test("one crash may be due to a late dependency")
    func oneCrash() throws {
        let ended = try pod(status(container(terminated(3)), phase: "Running"))
        expectMayBecomeReady(PodDiagnosis(ended), "blog exited with code 3")
        let again = try pod(status(container(running, last: terminated(3), restarts: 1), phase: "Running"))
        expectMayBecomeReady(PodDiagnosis(again), "blog exited with code 3")
    }

    @Test("a second crash is a loop, with its log")
    func crashLoop() throws {
        let loop = try pod(
            status(container(waiting("CrashLoopBackOff", backOff), last: terminated(3), restarts: 1), phase: "Running"))
        expectHopeless(PodDiagnosis(loop), "blog exited with code 3, 2 times", crashed: "blog")
        let between = try pod(status(container(running, last: terminated(3), restarts: 4), phase: "Running"))
        expectHopeless(PodDiagnosis(between), "blog exited with code 3, 4 times", crashed: "blog")
        #expect(PodDiagnosis(between).summary.restarts == 4)
    }

    @Test("a container's termination message, and a program that ends too early")
    func terminationMessage() throws {
        let said = try pod(
            status(
                container(
                    waiting("CrashLoopBackOff", backOff), last: terminated(1, message: "no DATABASE_URL"), restarts: 2))
        )
        expectHopeless(PodDiagnosis(said), "blog exited with code 1: no DATABASE_URL, 3 times", crashed: "blog")
        let done = try pod(
            status(container(waiting("CrashLoopBackOff", backOff), last: terminated(0, "Completed"), restarts: 1)))
        expectHopeless(PodDiagnosis(done), "blog exited with code 0, 2 times", crashed: "blog")
    }

    @Test("out of memory, with the limit")
    func outOfMemory() throws {
        let limited = """
            {"containers": [{"name": "blog", "image": "\(image)", "resources": {"limits": {"memory": "64Mi"}}}]}
            """
        let status = status(
            container(waiting("CrashLoopBackOff", backOff), last: terminated(137, "OOMKilled"), restarts: 1),
            phase: "Running")
        expectHopeless(
            PodDiagnosis(try pod(status, spec: limited)),
            "blog ran out of memory (its limit is 64Mi) and was killed, 2 times", crashed: "blog")
        expectHopeless(PodDiagnosis(try pod(status)), "blog ran out of memory and was killed, 2 times", crashed: "blog")
    }

    @Test("killed by a signal")
    func signal() throws {
        let last = #"{"terminated": {"exitCode": 139, "signal": 11, "reason": "Error"}}"#
        let pod = try pod(status(container(waiting("CrashLoopBackOff", backOff), last: last, restarts: 1)))
        expectHopeless(PodDiagnosis(pod), "blog was killed by signal 11, 2 times", crashed: "blog")
    }

    @Test("an init container that fails is named; one that is done is not")
    func initContainer() throws {
        let spec = """
            {"initContainers": [{"name": "migrate", "image": "\(image)"}], "containers": [{"name": "blog", "image": "\(image)"}]}
            """
        let failing = status(
            container(waiting("PodInitializing")),
            more:
                ", \"initContainerStatuses\": [\(container(waiting("CrashLoopBackOff", backOff), last: terminated(2), restarts: 1, name: "migrate"))]"
        )
        expectHopeless(
            PodDiagnosis(try pod(failing, spec: spec)), "migrate exited with code 2, 2 times", crashed: "migrate")
        let done = status(
            container(waiting("PodInitializing")),
            more:
                ", \"initContainerStatuses\": [\(container(terminated(0, "Completed"), last: terminated(2), restarts: 1, name: "migrate", ready: true))]"
        )
        expectMayBecomeReady(PodDiagnosis(try pod(done, spec: spec)), nil)
    }

    @Test("an init container that is a sidecar must not end, not even with 0")
    func nativeSidecar() throws {
        let spec = """
            {"initContainers": [{"name": "proxy", "image": "envoy:1", "restartPolicy": "Always"}],
             "containers": [{"name": "blog", "image": "\(image)"}]}
            """
        func ending(_ restarts: Int) throws -> JSON {
            let proxy = container(
                waiting("CrashLoopBackOff", backOff), last: terminated(0, "Completed"), restarts: restarts,
                name: "proxy")
            return try pod(
                status(container(waiting("PodInitializing")), more: ", \"initContainerStatuses\": [\(proxy)]"),
                spec: spec)
        }
        expectMayBecomeReady(PodDiagnosis(try ending(0)), "proxy exited with code 0")
        expectHopeless(PodDiagnosis(try ending(1)), "proxy exited with code 0, 2 times", crashed: "proxy")
    }

    @Test("of several containers the failing one is reported")
    func sidecar() throws {
        let spec = """
            {"containers": [{"name": "blog", "image": "\(image)"}, {"name": "proxy", "image": "envoy:1"}]}
            """
        let pod = try pod(
            status(
                container(running, ready: true),
                container(waiting("ErrImagePull", "envoy:1: not found"), name: "proxy"), phase: "Pending"),
            spec: spec)
        expectHopeless(PodDiagnosis(pod), "image envoy:1 cannot be pulled: envoy:1: not found")
    }

    // MARK: Scheduling, probes, volumes

    @Test("a pod that cannot be scheduled")
    func unschedulable() throws {
        let message = "0/3 nodes are available: 1 node(s) had untolerated taint, 2 Insufficient cpu."
        let status = """
            {"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable",
             "message": "\(message)"}]}
            """
        expectMayBecomeReady(PodDiagnosis(try pod(status)), "cannot be scheduled: \(message)")
    }

    @Test("a failed probe, with its message")
    func probe() throws {
        let words = "Readiness probe failed: HTTP probe failed with statuscode: 503"
        let pod = try pod(status(container(running), phase: "Running"))
        expectMayBecomeReady(PodDiagnosis(pod, warnings: ["Unhealthy": words]), words)
        #expect(PodDiagnosis(try readyPod("blog-green-x7f2k"), warnings: ["Unhealthy": words]).summary.reason == nil)
    }

    @Test("a volume that cannot be mounted, until it is")
    func volume() throws {
        let words = "MountVolume.SetUp failed for volume \"settings\" : configmap \"blog\" not found"
        let warnings: PodWarnings = ["FailedMount": words, "Unhealthy": "Readiness probe failed: connection refused"]
        let creating = try pod(status(container(waiting("ContainerCreating"))))
        expectMayBecomeReady(PodDiagnosis(creating, warnings: warnings), "a volume cannot be mounted: \(words)")
        let running = try pod(status(container(running), phase: "Running"))
        expectMayBecomeReady(PodDiagnosis(running, warnings: warnings), "Readiness probe failed: connection refused")
    }

    @Test("problems of a new pod: sandbox, volume, machine")
    func beforeTheFirstContainer() throws {
        let creating = try pod(status(container(waiting("ContainerCreating"))))
        let address = "Failed to create pod sandbox: … failed to assign an IP address to container"
        expectMayBecomeReady(
            PodDiagnosis(creating, warnings: ["FailedCreatePodSandBox": address]),
            "its sandbox cannot be created: \(address)")
        let attach = "Multi-Attach error for volume \"pvc-1\" Volume is already used by pod(s) blog-blue-x"
        expectMayBecomeReady(
            PodDiagnosis(creating, warnings: ["FailedCreatePodSandBox": address, "FailedAttachVolume": attach]),
            "a ReadWriteOnce volume is still attached to another machine, where the live colour may use it: \(attach)")
        // None of these applies once a container runs.
        let running = try pod(status(container(running), phase: "Running"))
        expectMayBecomeReady(
            PodDiagnosis(running, warnings: ["FailedAttachVolume": attach, "FailedScheduling": "0/3 nodes"]), nil)
    }

    @Test("the newest warning is reported, known or not")
    func unknownWarning() throws {
        let creating = try pod(status(container(waiting("ContainerCreating"))))
        expectMayBecomeReady(
            PodDiagnosis(creating, warnings: ["FailedMount": "old", "NetworkNotReady": "cni plugin not initialized"]),
            "NetworkNotReady: cni plugin not initialized")
        let running = try pod(status(container(running), phase: "Running"))
        expectMayBecomeReady(
            PodDiagnosis(running, warnings: ["Unhealthy": "503", "InjectorFailed": "no route"]),
            "InjectorFailed: no route")
        expectMayBecomeReady(
            PodDiagnosis(running, warnings: ["InjectorFailed": "no route", "Unhealthy": "503"]), "503")
    }

    @Test("a false condition is reported with its message")
    func conditions() throws {
        func conditioned(_ conditions: String) throws -> PodDiagnosis {
            PodDiagnosis(
                try pod(
                    """
                    {"phase": "Running", "conditions": [\(conditions)],
                     "containerStatuses": [\(container(running, ready: true))]}
                    """))
        }
        expectMayBecomeReady(
            try conditioned(
                """
                {"type": "ContainersReady", "status": "True"},
                {"type": "Ready", "status": "False", "reason": "ReadinessGatesNotReady", "message":
                 "corresponding condition of pod readiness gate \\"target-health.elbv2.k8s.aws/blog\\" does not exist."}
                """),
            "its containers are ready, but not its readiness gate: corresponding condition of pod readiness gate "
                + "\"target-health.elbv2.k8s.aws/blog\" does not exist.")
        expectMayBecomeReady(
            try conditioned(
                """
                {"type": "PodScheduled", "status": "False", "reason": "SchedulingGated",
                 "message": "Scheduling is blocked due to non-empty scheduling gates"}
                """), "is not scheduled: Scheduling is blocked due to non-empty scheduling gates")
        expectMayBecomeReady(
            try conditioned(
                """
                {"type": "Ready", "status": "False", "reason": "ContainersNotReady", "message": "x"},
                {"type": "example.com/licence", "status": "False", "message": "no seat left"}
                """), "example.com/licence: no seat left")
    }

    @Test("an evicted pod is replaced by its controller; its containers have not crashed")
    func evicted() throws {
        let words = "The node was low on resource: memory. Threshold quantity: 100Mi, available: 80Mi."
        let status = """
            {"phase": "Failed", "reason": "Evicted", "message": "\(words)", "conditions": \(unready),
             "containerStatuses": [\(container(terminated(137), restarts: 3))]}
            """
        expectMayBecomeReady(PodDiagnosis(try pod(status)), "Evicted: \(words)")
        expectMayBecomeReady(PodDiagnosis(try pod(#"{"phase": "Failed"}"#)), "failed: the controller will replace it")
    }

    @Test("a pod that is being deleted does not count, ready or not")
    func terminating() throws {
        let deleting = #", "deletionTimestamp": "2015-10-25T14:34:33Z", "deletionGracePeriodSeconds": 30"#
        let ready = """
            {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}],
             "containerStatuses": [\(container(running, ready: true))]}
            """
        expectMayBecomeReady(PodDiagnosis(try pod(ready, metadata: deleting)), "is being deleted")
        let crashing = status(container(waiting("CrashLoopBackOff", backOff), last: terminated(143), restarts: 5))
        expectMayBecomeReady(PodDiagnosis(try pod(crashing, metadata: deleting)), "is being deleted")
    }
}
