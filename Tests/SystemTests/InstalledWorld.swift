import Foundation
import Glibc
import HTTPTransport
import Kubernetes
import Nginx
import Processes
import Testing

/// Viridian in the cluster, with the app `app` of this test.
struct InstalledWorld: Sendable {
    static let image = ProcessInfo.processInfo.environment["VIRIDIAN_REAL_SERVER_IMAGE"].flatMap {
        $0.isEmpty ? nil : $0
    }

    let app: String
    let viridian: Program
    let ports: PortPair
    let nodes = [1, 2]

    var host: String { "\(app).domain.com" }
    var directory: String { viridian.directory }
}

/// Two real nodes, which the cluster's pods reach by SSH at its machine's address, and a way for the pods to the API server, which listens
/// on this machine only.
func withInstalledViridian(_ body: @escaping @Sendable (InstalledWorld) async throws -> Void) async throws {
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

    func prepare() async throws {
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
    func forwardAPI(in group: inout ThrowingTaskGroup<Void, any Error>) async throws {
        let address = try await RealCluster.kubectl(
            "get", "endpoints", "kubernetes", "-o",
            "jsonpath={.subsets[0].addresses[0].ip}:{.subsets[0].ports[0].port}")
        func answers() async throws -> Bool {
            try await Command("curl", ["-sk", "--max-time", "5", "-o", "/dev/null", "https://\(address)/readyz"])
                .run(deadline: .seconds(600)).succeeded
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

    func remove() async throws {
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
