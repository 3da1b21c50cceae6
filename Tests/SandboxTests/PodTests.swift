import Foundation
import Kubernetes
import Processes
import Testing

@testable import Sandbox

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

@Suite("pods", .serialized)
struct PodTests {
    private func status(_ pod: JSON, _ index: Int = 0) -> JSON { pod[at: "status.containerStatuses"]?[index] ?? [:] }

    @Test("a container that crashes is restarted with back-off, and its status has the exit code")
    func crashLoop() async throws {
        try await withSandbox { cluster, kubectl in
            try await kubectl("apply", "-f", "-", input: Samples.pod("crashing", "echo broken >&2; exit 7"))
            let pod = try await cluster.waitFor(.pods, "crashing") {
                let status = $0[at: "status.containerStatuses"]?[0]
                return status?[at: "state.waiting.reason"] == "CrashLoopBackOff"
                    && (status?["restartCount"]?.integer ?? 0) >= 1
            }
            let waiting = status(pod)[at: "state.waiting.message"]?.string ?? ""
            #expect(waiting.contains("restarting failed container=main pod=crashing_blog("))
            #expect(status(pod)[at: "lastState.terminated.exitCode"] == 7)
            #expect(status(pod)[at: "lastState.terminated.reason"] == "Error")
            #expect(pod[at: "status.phase"] == "Running")
            #expect(!pod.isReady)
            #expect(PodTableRow(pod).status == "CrashLoopBackOff")
            let events = try await kubectl("get", "events", "-n", "blog")
            #expect(events.contains("Back-off restarting failed container main in pod crashing_blog("))
        }
    }

    @Test("a container's args replace the command of a host image, and follow the container's command")
    func arguments() async throws {
        try await withSandbox { cluster, kubectl in
            try await kubectl("run", "args", "-n", "blog", "--image=busybox", "--restart=Never", "--", "echo", "hi")
            try await kubectl(
                "run", "both", "-n", "blog", "--image=busybox", "--restart=Never", "--command", "--", "sh", "-c",
                "echo ho")
            for (name, said) in [("args", "hi\n"), ("both", "ho\n")] {
                _ = try await cluster.waitFor(.pods, name) { $0[at: "status.phase"] == "Succeeded" }
                #expect(try await kubectl("logs", name, "-n", "blog") == said)
            }
        }
    }

    @Test("images that do not exist, are pulled late, or have invalid names")
    func images() async throws {
        try await withSandbox { cluster, kubectl in
            func pod(_ name: String, _ image: String) -> String {
                Samples.pod(name, "sleep 1000").replacing("image: busybox", with: "image: \(image)")
            }
            try await kubectl("apply", "-f", "-", input: pod("missing", "registry.local:5000/blog:missing"))
            try await kubectl("apply", "-f", "-", input: pod("slow", "registry.local:5000/blog:slow"))
            try await kubectl("apply", "-f", "-", input: pod("unnamable", "registry.local:5000/BLOG:x"))
            let missing = try await cluster.waitFor(.pods, "missing") {
                $0[at: "status.containerStatuses"]?[0]?[at: "state.waiting.reason"] == "ErrImagePull"
            }
            #expect(
                status(missing)[at: "state.waiting.message"]
                    == "rpc error: code = NotFound desc = failed to pull and unpack image \"registry.local:5000/blog:missing\": failed to resolve reference \"registry.local:5000/blog:missing\": registry.local:5000/blog:missing: not found"
            )
            _ = try await cluster.waitFor(.pods, "missing") {
                $0[at: "status.containerStatuses"]?[0]?[at: "state.waiting.reason"] == "ImagePullBackOff"
            }
            _ = try await cluster.waitFor(.pods, "slow") { $0.isReady }
            let unnamable = try await cluster.waitFor(.pods, "unnamable") {
                $0[at: "status.containerStatuses"]?[0]?[at: "state.waiting.reason"] == "InvalidImageName"
            }
            #expect(unnamable[at: "status.phase"] == "Pending")
        }
    }

    @Test("a program that does not exist is a start error")
    func noProgram() async throws {
        try await withSandbox { cluster, kubectl in
            let pod = Samples.pod("lost", "x", more: "  restartPolicy: Never").replacing(
                "[\"sh\", \"-c\", \"x\"]", with: "[\"no-such-program\"]")
            try await kubectl("apply", "-f", "-", input: pod)
            let failed = try await cluster.waitFor(.pods, "lost") { $0[at: "status.phase"] == "Failed" }
            #expect(status(failed)[at: "state.terminated.reason"] == "StartError")
            #expect(
                status(failed)[at: "state.terminated.message"]?.string?.contains("executable file not found in $PATH")
                    == true)
        }
    }

    @Test("a readiness probe decides who is ready and who is in the endpoints")
    func readiness() async throws {
        try await withSandbox { cluster, kubectl in
            let file = kubectl.directory.appending(path: "ready").path
            let probe = """
                    readinessProbe:
                      exec: {command: ["test", "-e", "\(file)"]}
                      periodSeconds: 1
                      failureThreshold: 1
                """
            let service = Samples.service("blue").replacing(
                "selector:\n    name: blog-blue", with: "selector:\n    app: probed")
            try await kubectl("apply", "-f", "-", input: service)
            let pod = Samples.pod("probed", "sleep 1000", more: probe).replacing(
                "  name: probed", with: "  name: probed\n  labels: {app: probed}")
            try await kubectl("apply", "-f", "-", input: pod)
            _ = try await cluster.waitFor(.pods, "probed") { $0[at: "status.phase"] == "Running" && !$0.isReady }
            _ = try await cluster.waitFor(.endpoints, "blog-blue") { $0["subsets"]?[0]?["notReadyAddresses"] != nil }
            _ = FileManager.default.createFile(atPath: file, contents: nil)
            _ = try await cluster.waitFor(.pods, "probed") { $0.isReady }
            _ = try await cluster.waitFor(.endpoints, "blog-blue") { $0["subsets"]?[0]?["addresses"] != nil }
            try FileManager.default.removeItem(atPath: file)
            _ = try await cluster.waitFor(.pods, "probed") { !$0.isReady }
            _ = try await cluster.waitFor(.endpoints, "blog-blue") { $0["subsets"]?[0]?["addresses"] == nil }
        }
    }

    @Test("a liveness probe that fails restarts the container; a startup probe holds the others back")
    func liveness() async throws {
        try await withSandbox { cluster, kubectl in
            let file = kubectl.directory.appending(path: "alive").path
            let probes = """
                    startupProbe:
                      exec: {command: ["test", "-e", "\(file)"]}
                      periodSeconds: 1
                      failureThreshold: 30
                    livenessProbe:
                      exec: {command: ["test", "-e", "\(file)"]}
                      periodSeconds: 1
                      failureThreshold: 1
                """
            try await kubectl("apply", "-f", "-", input: Samples.pod("living", "sleep 1000", more: probes))
            let starting = try await cluster.waitFor(.pods, "living") { $0[at: "status.phase"] == "Running" }
            #expect(status(starting)["started"] == false)
            _ = FileManager.default.createFile(atPath: file, contents: nil)
            _ = try await cluster.waitFor(.pods, "living") { $0.isReady }
            try FileManager.default.removeItem(atPath: file)
            let restarted = try await cluster.waitFor(.pods, "living") {
                $0[at: "status.containerStatuses"]?[0]?["restartCount"] == 1
            }
            #expect(status(restarted)[at: "lastState.terminated.exitCode"]?.integer == 143)
            #expect(
                try await kubectl("get", "events", "-n", "blog").contains(
                    "Container main failed liveness probe, will be restarted"))
        }
    }

    @Test("a pod that is deleted gets SIGTERM, its grace period, and then SIGKILL")
    func termination() async throws {
        try await withSandbox { cluster, kubectl in
            let file = kubectl.directory.appending(path: "said").path
            let hook = "    lifecycle: {preStop: {exec: {command: [\"sh\", \"-c\", \"echo hook >> \(file)\"]}}}"
            let trapped = kubectl.directory.appending(path: "trapped").path
            let said = "echo >> \(trapped)"
            let script = "trap 'echo term >> \(file); exit 0' TERM; \(said); while :; do sleep 0.1; done"
            try await kubectl("apply", "-f", "-", input: Samples.pod("polite", script, more: hook))
            try await kubectl(
                "apply", "-f", "-", input: Samples.pod("stubborn", "trap '' TERM; \(said); while :; do sleep 1; done"))
            for name in ["polite", "stubborn"] { _ = try await cluster.waitFor(.pods, name) { $0.isReady } }
            let pid = try #require(await cluster.process(namespace: "blog", pod: "stubborn", container: "main"))
            try await waitUntil { (try? Data(contentsOf: URL(filePath: trapped)))?.count == 2 }
            try await kubectl("delete", "pod", "polite", "-n", "blog", "--timeout=600s")
            #expect(try String(contentsOfFile: file, encoding: .utf8) == "hook\nterm\n")
            let clock = ContinuousClock()
            let taken = try await clock.measure {
                _ = try await kubectl("delete", "pod", "stubborn", "-n", "blog", "--timeout=600s")
            }
            // The two seconds of its own, not the thirty of a pod that says nothing.
            #expect(taken > .seconds(1.9) && taken < .seconds(30), "\(taken)")
            #expect(kill(pid, 0) == -1)
        }
    }

    @Test("a pod deleted by force is removed immediately, with its processes")
    func force() async throws {
        try await withSandbox { cluster, kubectl in
            try await kubectl("apply", "-f", "-", input: Samples.pod("stubborn", "trap '' TERM; sleep 1000 & wait"))
            _ = try await cluster.waitFor(.pods, "stubborn") { $0.isReady }
            let pid = try #require(await cluster.process(namespace: "blog", pod: "stubborn", container: "main"))
            try await kubectl("delete", "pod", "stubborn", "-n", "blog", "--grace-period=0", "--force")
            try await waitUntilGone(group: pid)
        }
    }

    @Test("init containers run first and in order, and see the environment of the pod")
    func initContainers() async throws {
        try await withSandbox { cluster, kubectl in
            try await kubectl("create", "configmap", "settings", "-n", "blog", "--from-literal=color=blue")
            try await kubectl("create", "secret", "generic", "keys", "-n", "blog", "--from-literal=token=hidden")
            let file = kubectl.directory.appending(path: "order").path
            let more = """
                    env:
                    - {name: NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
                    - {name: ADDRESS, valueFrom: {fieldRef: {fieldPath: status.podIP}}}
                    - {name: COLOR, valueFrom: {configMapKeyRef: {name: settings, key: color}}}
                    - {name: TOKEN, valueFrom: {secretKeyRef: {name: keys, key: token}}}
                    - {name: BOTH, value: $(NAME)-$(COLOR)}
                  initContainers:
                  - {name: first, image: busybox, command: ["sh", "-c", "echo first >> \(file)"]}
                  - {name: second, image: busybox, command: ["sh", "-c", "echo second >> \(file)"]}
                """
            let script = "cat \(file); echo $NAME $COLOR $TOKEN $BOTH; echo $ADDRESS; sleep 1000"
            try await kubectl("apply", "-f", "-", input: Samples.pod("staged", script, more: more))
            let pod = try await cluster.waitFor(.pods, "staged") { $0.isReady }
            let address = pod[at: "status.podIP"]?.string ?? "none"
            let wanted = "first\nsecond\nstaged blue hidden staged-blue\n\(address)\n"
            var log = ""
            for _ in 0..<100 where log != wanted {
                log = try await kubectl("logs", "staged", "-n", "blog")
            }
            #expect(log == wanted)
            #expect(pod[at: "status.initContainerStatuses"]?[0]?[at: "state.terminated.reason"] == "Completed")
        }
    }

    @Test("a container over its memory limit is killed, with OOMKilled as reason")
    func outOfMemory() async throws {
        try await withSandbox { cluster, kubectl in
            let limit = "    resources: {limits: {memory: 60Mi}}\n  restartPolicy: Never"
            let pod = Samples.pod("hungry", "exec perl -e '$x = \"x\" x 150000000; sleep 1000'", more: limit)
            try await kubectl("apply", "-f", "-", input: pod)
            let failed = try await cluster.waitFor(.pods, "hungry") { $0[at: "status.phase"] == "Failed" }
            #expect(status(failed)[at: "state.terminated.reason"] == "OOMKilled")
            #expect(status(failed)[at: "state.terminated.exitCode"] == 137)
        }
    }

    @Test("a pod that cannot be scheduled has the reason")
    func unschedulable() async throws {
        try await withSandbox {
            $0.podCapacity = 1
        } _: { cluster, kubectl in
            try await kubectl(
                "apply", "-f", "-", input: Samples.pod("choosy", "sleep 1000", more: "  nodeSelector: {disk: ssd}"))
            let choosy = try await cluster.waitFor(.pods, "choosy") {
                $0.condition("PodScheduled")?["status"] == "False"
            }
            #expect(choosy.condition("PodScheduled")?["reason"] == "Unschedulable")
            #expect(
                choosy.condition("PodScheduled")?["message"]?.string?
                    .hasPrefix("0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector.") == true)
            try await kubectl("apply", "-f", "-", input: Samples.pod("one", "sleep 1000"))
            _ = try await cluster.waitFor(.pods, "one") { $0.isReady }
            try await kubectl("apply", "-f", "-", input: Samples.pod("two", "sleep 1000"))
            let two = try await cluster.waitFor(.pods, "two") { $0.condition("PodScheduled")?["status"] == "False" }
            #expect(two.condition("PodScheduled")?["message"]?.string?.contains("1 Too many pods") == true)
            try await kubectl("delete", "pod", "one", "-n", "blog", "--timeout=600s")
            _ = try await cluster.waitFor(.pods, "two") { $0.isReady }
            try await kubectl("label", "node", "sandbox", "disk=ssd")
            try await kubectl("delete", "pod", "two", "-n", "blog", "--timeout=600s")
            _ = try await cluster.waitFor(.pods, "choosy") { $0.isReady }
        }
    }

    @Test("a quota stops a controller, which reports it until the quota allows more pods")
    func quota() async throws {
        try await withSandbox { cluster, kubectl in
            try await kubectl("create", "quota", "few", "-n", "blog", "--hard=pods=1")
            try await kubectl("apply", "-f", "-", input: Samples.controller("blue", replicas: 2))
            let stuck = try await cluster.waitFor(.replicationControllers, "blog-blue") {
                $0.condition("ReplicaFailure") != nil && $0[at: "status.replicas"] == 1
            }
            let failure = try #require(stuck.condition("ReplicaFailure"))
            #expect(failure["reason"] == "FailedCreate")
            let message = failure["message"]?.string ?? ""
            #expect(message.hasPrefix("pods \"blog-blue-"))
            #expect(
                message.hasSuffix(
                    "\" is forbidden: exceeded quota: few, requested: pods=1, used: pods=1, limited: pods=1"))
            try await kubectl("patch", "quota", "few", "-n", "blog", "-p", #"{"spec":{"hard":{"pods":"5"}}}"#)
            _ = try await cluster.waitFor(.replicationControllers, "blog-blue") {
                $0.condition("ReplicaFailure") == nil && $0[at: "status.replicas"] == 2
            }
        }
    }

    @Test("a controller deleted with orphaning leaves its pods, another adopts them, and owners delete theirs")
    func ownership() async throws {
        try await withSandbox { cluster, kubectl in
            try await kubectl("apply", "-f", "-", input: Samples.controller("blue"))
            _ = try await cluster.waitFor(.replicationControllers, "blog-blue") { $0[at: "status.readyReplicas"] == 1 }
            let pod = try #require(await cluster.pods().first)
            try await kubectl("delete", "rc", "blog-blue", "-n", "blog", "--cascade=orphan")
            let left = try await cluster.store.get(.pods, "blog", pod.meta.name)
            #expect(left.meta.ownerReferences.isEmpty && left.isActive)
            try await kubectl("apply", "-f", "-", input: Samples.controller("blue"))
            _ = try await cluster.waitFor(.replicationControllers, "blog-blue") { $0[at: "status.readyReplicas"] == 1 }
            #expect(await cluster.pods().map(\.meta.name) == [pod.meta.name])
            try await kubectl("delete", "rc", "blog-blue", "-n", "blog", "--cascade=foreground", "--timeout=600s")
            #expect(await cluster.pods().isEmpty)
        }
    }

    @Test("no process of a pod outlives a killed sandbox")
    func killedOutright() async throws {
        let parent = FileManager.default.temporaryDirectory.appending(path: "guard-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: parent.appending(path: "groups"), withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: parent) }
        // Stands in for the sandbox: it holds the lock until it is killed.
        let holder = Command("flock", ["--exclusive", parent.appending(path: "lock").path, "sleep", "1000"])
        let guarding = ProcessGuard(at: parent)
        try await withThrowingTaskGroup(of: Void.self) { group in
            let (pids, pid) = AsyncStream.makeStream(of: Int32.self)
            group.addTask { _ = try await holder.run(onStart: { pid.yield($0) }) }
            var started = pids.makeAsyncIterator()
            let held = try #require(await started.next())
            let (lines, line) = AsyncStream.makeStream(of: String.self)
            let container = guarding.command(
                ["sh", "-c", "trap '' TERM; sleep 1000 & echo up; wait"], environment: ["PATH": "/usr/bin:/bin"],
                workingDirectory: "/")
            group.addTask { _ = try await container.run(onStart: { pid.yield($0) }, onLine: { line.yield($0.text) }) }
            let ran = try #require(await started.next())
            var said = lines.makeAsyncIterator()
            #expect(await said.next() == "up")
            try await waitUntil { FileManager.default.fileExists(atPath: parent.appending(path: "groups/\(ran)").path) }
            group.addTask { _ = try await guarding.watcherCommand.run() }
            kill(-held, SIGKILL)
            try await waitUntilGone(group: ran)
            try await group.waitForAll()
            #expect(!FileManager.default.fileExists(atPath: parent.path))
        }
    }

    private func waitUntilGone(group: Int32) async throws {
        // Zombies do not count.
        try await waitUntil { kill(-group, 0) == -1 || ProcessMemory.resident(group: group) == 0 }
    }

    private func waitUntil(_ condition: () -> Bool) async throws {
        let limit = ContinuousClock.now + .seconds(600)
        while !condition() {
            try #require(ContinuousClock.now < limit)
            try await Task.sleep(for: .milliseconds(20))
        }
    }
}
