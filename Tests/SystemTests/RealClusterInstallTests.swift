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

// MARK: - What is done with it

extension InstalledWorld {
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
