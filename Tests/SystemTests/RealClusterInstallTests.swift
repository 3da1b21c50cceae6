import Foundation
import Glibc
import HTTPTransport
import Kubernetes
import Nginx
import Processes
import Testing

extension RealClusterTests {
    /// Everything that `render` writes for a cluster, applied and used: Viridian runs in a pod and releases an app under quota, limits,
    /// disruption budgets and network policies, on nodes that it reaches by SSH.
    @Suite(
        "Viridian in the cluster",
        .enabled(
            if: RealCluster.tool != nil && RealNodes.isThere && InstalledWorld.image != nil,
            "script/e2e runs this with its own cluster and nodes"))
    struct InstallTests {
        @Test("what is rendered is applied, releases, and goes on with a release when its pod is deleted")
        func story() async throws {
            try await withInstalledViridian { world in
                try await world.applied()
                let token = try await world.token()
                let checked = try await world.inPod("check", "-o", "json")
                #expect(!checked.contains(#""state":"bad""#), "\(checked)")

                try await world.deploy("v1", token)
                #expect(try await world.served() == ["v1", "v1"])

                try await world.release("v2", number: 2, deletingItsPod: ["--wait=false"], token)
                // As if its machine were lost.
                try await world.release("v3", number: 3, deletingItsPod: ["--grace-period=0", "--force"], token)

                try await world.smallQuotaIsFound()
                try await world.drainEvictsTheOnlyPod()
            }
        }
    }
}

/// Viridian in the cluster, with the app `app` of this test.
private struct InstalledWorld: Sendable {
    static let image = ProcessInfo.processInfo.environment["VIRIDIAN_REAL_SERVER_IMAGE"].flatMap {
        $0.isEmpty ? nil : $0
    }

    let app: String
    let viridian: Program
    let ports: PortPair
    let nodes = [1, 2]

    var host: String { "\(app).domain.com" }
    var directory: String { viridian.directory }

    func served() async throws -> [String] {
        var answers: [String] = []
        for node in nodes { answers.append(try await fetch("http://127.0.1.\(node)", host: host)) }
        return answers
    }

    /// The output of `viridian` in the server's pod, whatever its status is.
    func inPod(_ words: String...) async throws -> String {
        let command = Command(
            "kubectl",
            [
                "--kubeconfig", RealCluster.kubeconfig ?? "", "--namespace", "viridian", "exec", "deployment/viridian",
                "--",
                "viridian",
            ] + words)
        let completed = try await command.run(deadline: .seconds(120))
        return completed.output
    }

    func token() async throws -> String {
        let said = try await inPod("token", "create", "--role", "admin", "--name", "ann", "-o", "json")
        return try #require(try JSON(parsing: said)["token"]?.string, "\(said)")
    }

    /// The service's address, which this machine reaches, because it is the cluster's.
    func server() async throws -> String {
        let address = try await RealCluster.kubectl(
            "--namespace", "viridian", "get", "service", "viridian", "-o", "jsonpath={.spec.clusterIP}")
        return "http://\(address)"
    }

    // MARK: - Installing

    private func render(_ words: String...) async throws {
        let said = try await viridian.run(["render"] + words + ["--into", "out"])
        try #require(said.status == 0, "\(said)")
    }

    /// As the head of the Deployment's file says.
    func applied() async throws {
        try await render("kubernetes", "--with", "all")
        try await render("rbac")
        try await render("install", "--with", "network-policy", "--image", Self.image ?? "")
        let versions = try await RealCluster.kubectl("api-versions")
        if !versions.contains("policy/v1\n") {
            // Kubernetes before 1.21, which has the same object under its first name, without the newest field.
            let file = "\(directory)/out/kubernetes/\(app).yaml"
            let text = try String(contentsOfFile: file, encoding: .utf8)
                .replacing("policy/v1\n", with: "policy/v1beta1\n").replacing(
                    "  unhealthyPodEvictionPolicy: AlwaysAllow\n", with: "")
            try Data(text.utf8).write(to: URL(fileURLWithPath: file))
        }
        let folder = directory + "/out"
        try await RealCluster.kubectl("apply", "-f", folder + "/kubernetes", "-f", folder + "/rbac")
        try await RealCluster.kubectl("apply", "--dry-run=server", "-f", folder + "/install")
        try await RealCluster.kubectl(
            "--namespace", "viridian", "create", "secret", "generic", "viridian-ssh",
            "--from-file=id_ed25519=\(RealNodes.home)/id_ed25519", "--from-file=\(directory)/known_hosts")
        let secrets = folder + "/install/secrets.env"
        let names = try String(contentsOfFile: secrets, encoding: .utf8).split(separator: "\n").filter {
            !$0.hasPrefix("#")
        }
        #expect(names == ["HOOK_SECRET"])
        try Data("HOOK_SECRET=open sesame\n".utf8).write(to: URL(fileURLWithPath: secrets))
        try await RealCluster.kubectl(
            "--namespace", "viridian", "create", "secret", "generic", "viridian-environment",
            "--from-env-file=\(secrets)")
        try await RealCluster.kubectl("apply", "-f", "-", input: volume)
        try await RealCluster.kubectl("apply", "-f", folder + "/install")
        try await RealCluster.kubectl(
            "--namespace", "viridian", "rollout", "status", "deployment/viridian", "--timeout=110s")
        // Applied again, it changes nothing.
        for part in ["kubernetes", "rbac", "install"] {
            let again = try await RealCluster.kubectl("apply", "-f", "\(folder)/\(part)")
            #expect(again.split(separator: "\n").allSatisfy { $0.hasSuffix(" unchanged") }, "\(again)")
        }
    }

    /// This cluster has no storage class.
    private var volume: String {
        """
        apiVersion: v1
        kind: PersistentVolume
        metadata: {name: \(app)}
        spec:
          capacity: {storage: 1Gi}
          accessModes: [ReadWriteOnce]
          persistentVolumeReclaimPolicy: Retain
          claimRef: {namespace: viridian, name: viridian-journal}
          hostPath: {path: "\(directory)/volume"}
        """
    }

    // MARK: - Releasing

    func deploy(_ version: String, _ token: String) async throws {
        let said = try await viridian.run(
            ["deploy", app, "--version", version, "--server", try await server(), "--token", token],
            deadline: .seconds(180))
        try #require(said.status == 0, "\(said)")
    }

    private func release(_ number: Int, _ token: String) async throws -> JSON? {
        let url = "\(try await server())/api/v1/apps/\(app)/releases/\(number)"
        let asked = try await Command("curl", ["-sS", "--max-time", "5", "-H", "Authorization: Bearer \(token)", url])
            .run(deadline: .seconds(20))
        return asked.succeeded ? try? JSON(parsing: asked.output) : nil
    }

    /// Releases a version, deletes the server's pod while the candidate starts, and expects that visitors get the old or the new version,
    /// and that the release ends well.
    func release(_ version: String, number: Int, deletingItsPod how: [String], _ token: String) async throws {
        let started = try await viridian.run(
            [
                "deploy", app, "--version", version, "--server", try await server(), "--token", token, "--wait", "none",
            ], deadline: .seconds(60))
        try #require(started.status == 0, "\(started)")
        let isStarting = try await eventually {
            try await release(number, token)?["phase"]?.string == "starting"
        }
        try #require(isStarting)
        let old = try await pod()
        let delete = Command(
            "kubectl",
            ["--kubeconfig", RealCluster.kubeconfig ?? "", "--namespace", "viridian", "delete", "pod", old] + how)
        let deleted = try await delete.run(deadline: .seconds(60))
        try #require(deleted.succeeded, "\(deleted)")
        let before = "v\(number - 1)"
        var last: JSON?
        let isLive = try await eventually(within: .seconds(180)) {
            for answer in try await served() { #expect([before, version].contains(answer)) }
            last = try await release(number, token)
            return last?["state"]?.string == "live"
        }
        #expect(isLive, "\(last?.text ?? "no answer")")
        #expect(try await served() == [version, version])
        #expect(try await pod() != old)
        // Nothing of the journal is lost: the events before are there, once.
        let said = try await viridian.run(
            ["logs", "\(app)/\(number)", "--server", try await server(), "--token", token])
        #expect(said.lines.count { $0.contains("Starting deploy of \(version)") } == 1, "\(said)")
        #expect(said.lines.last?.contains("DEPLOY DONE") == true, "\(said)")
    }

    /// The server's pod: a deleted one may exist beside it for a while.
    private func pod() async throws -> String {
        let list = try JSON(
            parsing: try await RealCluster.kubectl(
                "--namespace", "viridian", "get", "pods", "-l", "app.kubernetes.io/name=viridian", "-o", "json"))
        let present = (list["items"]?.array ?? []).filter { $0[at: "metadata.deletionTimestamp"] == nil }
        try #require(present.count == 1)
        return try #require(present[0][at: "metadata.name"]?.string)
    }

    // MARK: - Additions

    func smallQuotaIsFound() async throws {
        let small = #"{"spec": {"hard": {"pods": "1"}}}"#
        try await RealCluster.kubectl(
            "--namespace", app, "patch", "resourcequota", app, "--type", "merge", "--patch", small)
        let isTold = try await eventually {
            try await inPod("check").contains("the quota \(app) leaves 0 of pods, and the next candidate needs 1")
        }
        #expect(isTold)
    }

    /// What `kubectl drain` asks for.
    func drainEvictsTheOnlyPod() async throws {
        // The old pods have ended.
        var pods: [Substring] = []
        let isAlone = try await eventually {
            pods = try await RealCluster.kubectl(
                "--namespace", app, "get", "pods", "-o", "jsonpath={.items[*].metadata.name}"
            ).split(separator: " ")
            return pods.count == 1
        }
        try #require(isAlone, "\(pods)")
        let eviction = """
            {"apiVersion": "policy/v1beta1", "kind": "Eviction", "metadata": {"name": "\(pods[0])", "namespace": "\(app)"}}
            """
        // The controller that counts the budget follows the pods.
        let isAllowed = try await eventually {
            let asked = Command(
                "kubectl",
                [
                    "--kubeconfig", RealCluster.kubeconfig ?? "", "create", "--raw",
                    "/api/v1/namespaces/\(app)/pods/\(pods[0])/eviction", "-f", "-",
                ], input: eviction)
            return try await asked.run(deadline: .seconds(60)).succeeded
        }
        #expect(isAllowed)
    }
}

// MARK: - The world around it

/// Two real nodes, which the cluster's pods reach by SSH at its machine's address, and a way for the pods to the API server, which listens
/// on this machine only.
private func withInstalledViridian(_ body: @escaping @Sendable (InstalledWorld) async throws -> Void) async throws {
    let directory = FileManager.default.temporaryDirectory.path + "/viridian-install-\(UUID().uuidString.prefix(8))"
    try FileManager.default.createDirectory(atPath: directory + "/apps", withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let admin = try RealCluster.client()
    let world = InstalledWorld(
        app: "wiki-\(UUID().uuidString.prefix(6).lowercased())", viridian: try Program(in: directory),
        ports: try await freeNodePorts(admin))
    await admin.shutdown()
    do {
        try await world.prepare()
        try await withThrowingTaskGroup(of: Void.self) { group in
            defer { group.cancelAll() }
            try await world.forwardAPI(in: &group)
            try await body(world)
        }
    } catch {
        try? await world.remove()
        throw error
    }
    try await world.remove()
}

extension InstalledWorld {
    private func machine() async throws -> String {
        try await RealCluster.kubectl(
            "get", "nodes", "-o", #"jsonpath={.items[0].status.addresses[?(@.type=="InternalIP")].address}"#)
    }

    private func write(_ text: String, to name: String) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: directory + "/" + name))
    }

    fileprivate func prepare() async throws {
        try await RealNodes.run("up", "\(nodes.count)")
        try await RealNodes.run("app", app, host, "\(ports.blue)", "\(ports.green)")
        let machine = try await machine()
        let key = try String(contentsOfFile: RealNodes.home + "/host_key.pub", encoding: .utf8)
            .split(separator: " ").prefix(2).joined(separator: " ")
        var (hosts, known) = ("", "")
        for (node, port) in zip(nodes, try await Ports.shared.some(nodes.count)) {
            let own = try String(contentsOfFile: RealNodes.home + "/node-\(node)/sshd_config", encoding: .utf8)
                .split(separator: "\n").filter { !$0.hasPrefix("ListenAddress") && !$0.hasPrefix("PidFile") }
            let more = ["ListenAddress \(machine):\(port)", "PidFile \(directory)/sshd-\(node).pid"]
            try write((own.map(String.init) + more).joined(separator: "\n") + "\n", to: "sshd-\(node)")
            try await RealNodes.run("on", "\(node)", "/usr/sbin/sshd", "-f", "\(directory)/sshd-\(node)")
            hosts += "Host node-\(node)\n  HostName \(machine)\n  Port \(port)\n"
            known += "[\(machine)]:\(port) \(key)\n"
        }
        try write(hosts, to: "ssh_config")
        try write(known, to: "known_hosts")
        try write(
            """
            journal: viridian.sqlite
            kubernetes: {kubeconfig: not-in-the-pod}
            nodes:
              inventory: static
              static: [\(nodes.map { "node-\($0)" }.joined(separator: ", "))]
              transport: ssh
              ssh: {user: deploy, config: ssh_config, identityFile: ~/.ssh/id_ed25519}
              sudo: true
              reload: nginx -s reload
            hooks: {registry: {secret: "${HOOK_SECRET}"}}
            apps: apps/*.yaml

            """, to: "viridian.yaml")
        try write(
            """
            app: \(app)
            ports: {container: 9000, blue: \(ports.blue), green: \(ports.green)}
            image: \(RealCluster.image)
            hosts: [\(host)]
            template: ../pod.yaml
            ready: {timeout: 2m, stable: 5s}
            drain: {least: 1s, most: 20s}

            """, to: "apps/\(app).yaml")
        try write(
            """
            spec:
              terminationGracePeriodSeconds: 1
              containers:
                - name: wiki
                  image: \(RealCluster.image)
                  imagePullPolicy: IfNotPresent
                  readinessProbe: {httpGet: {path: /, port: 9000}, periodSeconds: 1}

            """, to: "pod.yaml")
        let volume = directory + "/volume"
        try FileManager.default.createDirectory(atPath: volume, withIntermediateDirectories: true)
        // The kubelet changes the group of other volumes (fsGroup), not of a directory of its machine.
        try FileManager.default.setAttributes(
            [.ownerAccountID: 65532, .groupOwnerAccountID: 65532, .posixPermissions: 0o700], ofItemAtPath: volume)
        // The folder of tests is private; the kubelet is root, and the pod sees only the volume.
    }

    /// Where the cluster says that its API server is, nobody may listen: the tool's server listens on the loopback interface.
    fileprivate func forwardAPI(in group: inout ThrowingTaskGroup<Void, any Error>) async throws {
        let address = try await RealCluster.kubectl(
            "get", "endpoints", "kubernetes", "-o",
            "jsonpath={.subsets[0].addresses[0].ip}:{.subsets[0].ports[0].port}")
        func answers() async throws -> Bool {
            try await Command("curl", ["-sk", "--max-time", "5", "-o", "/dev/null", "https://\(address)/readyz"])
                .run(deadline: .seconds(20)).succeeded
        }
        guard try await !answers() else { return }
        let server = try #require(
            URL(
                string: try await RealCluster.kubectl(
                    "config", "view", "--minify", "-o", "jsonpath={.clusters[0].cluster.server}")))
        let target = "\(server.host ?? "127.0.0.1"):\(server.port ?? 443)"
        let command = Command(
            "ssh",
            [
                "-F", RealNodes.home + "/ssh_config", "-N", "-o", "ExitOnForwardFailure=yes", "-L",
                "\(address):\(target)",
                "127.0.1.1",
            ])
        group.addTask { _ = try? await command.run(deadline: .seconds(900)) }
        let isThere = try await eventually { try await answers() }
        try #require(isThere, "nothing answers at \(address)")
    }

    fileprivate func remove() async throws {
        for node in nodes {
            let file = "\(directory)/sshd-\(node).pid"
            if let process = (try? String(contentsOfFile: file, encoding: .utf8)).flatMap({
                Int32($0.trimmingCharacters(in: .whitespacesAndNewlines))
            }) {
                kill(process, SIGTERM)
            }
        }
        // The tool writes an app to every node that there is.
        for name in try FileManager.default.contentsOfDirectory(atPath: RealNodes.home) where name.hasPrefix("node-") {
            let nginx = "\(RealNodes.home)/\(name)/etc/nginx"
            for file in ["sites-enabled/\(app)", "backends.d/\(app).conf", "backends.d/.viridian/\(app).token"] {
                try? FileManager.default.removeItem(atPath: "\(nginx)/\(file)")
            }
            try await RealNodes.run("on", String(name.dropFirst("node-".count)), "nginx", "-s", "reload")
        }
        try await RealCluster.kubectl(
            "delete", "--ignore-not-found", "--timeout=100s", "-f", directory + "/out/install")
        try await RealCluster.kubectl(
            "--namespace", "viridian", "delete", "--ignore-not-found", "secret", "viridian-ssh", "viridian-environment")
        try await RealCluster.kubectl("delete", "--ignore-not-found", "persistentvolume", app)
        try await RealCluster.kubectl("delete", "--ignore-not-found", "--timeout=100s", "namespace", app)
    }
}
