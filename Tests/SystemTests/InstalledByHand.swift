import Foundation
import Kubernetes
import Nginx
import Testing

/// An app that lives as in the article: services, a workload for the live colour, an upstream file and a virtual host on each node, made
/// by hand, and nothing of Viridian's but `viridian.yaml` without apps.
struct InstalledByHand: Sendable {
    var kind = Resource.replicationControllers
    var live = "blue"
    var version = "v1"
    /// The port whose last digit is 1 is blue's.
    var isReversed = false
    /// Further lines of the upstream.
    var upstreamLines = ""
    /// The folder of each node's upstream file.
    var folder = "backends.d"

    /// Makes it in a world that has just begun, and returns when the live colour answers on every node.
    func make(in world: World) async throws {
        try await makeObjects(in: world)
        for (index, site) in world.sites.enumerated() {
            try write(node: index + 1, site: site, in: world)
            try await world.reloadByHand(index + 1)
        }
        try await waitUntilServed(in: world)
    }

    /// Only what is in the cluster; `viridian.yaml` has no apps afterwards.
    func makeObjects(in world: World) async throws {
        try FileManager.default.removeItem(atPath: world.directory + "/apps/blog.yaml")
        for color in ["blue", "green"] {
            _ = try await world.client.create(.services, service(color, in: world), namespace: "blog")
        }
        _ = try await world.client.create(kind, try workload(in: world), namespace: "blog")
    }

    /// Returns when the live colour answers on every node, and all of its pods are ready.
    func waitUntilServed(in world: World) async throws {
        for site in world.sites {
            let isUp = try await eventually { try await fetch(site).hasPrefix(version) }
            try #require(isUp, "\(site)")
        }
        let isReady = try await eventually {
            let object = try await world.client.get(kind, "blog-\(live)", namespace: "blog")
            return object[at: "status.readyReplicas"]?.integer == 2
        }
        try #require(isReady)
    }

    func port(_ color: String, in world: World) -> Int {
        (color == "blue") == isReversed ? world.ports.green : world.ports.blue
    }

    private func service(_ color: String, in world: World) -> JSON {
        [
            "metadata": ["name": .string("blog-\(color)"), "labels": ["name": .string("blog-\(color)")]],
            "spec": [
                "type": "NodePort",
                "ports": [["port": 9000, "nodePort": .integer(Int64(port(color, in: world)))]],
                "selector": ["name": .string("blog-\(color)")],
            ],
        ]
    }

    private func workload(in world: World) throws -> JSON {
        var template = try JSON(yaml: try world.read("blog-pod.yaml"))
        template["metadata"] = ["labels": ["name": .string("blog-\(live)")]]
        var containers = template[at: "spec.containers"]?.array ?? []
        containers[0]["image"] = .string("registry.local:5000/blog:\(version)")
        template[at: "spec.containers"] = .array(containers)
        let labels: JSON = ["name": .string("blog-\(live)")]
        return [
            "metadata": ["name": .string("blog-\(live)")],
            "spec": [
                "replicas": 2, "selector": kind == .deployments ? ["matchLabels": labels] : labels,
                "template": template,
            ],
        ]
    }

    /// The article's upstream, and its virtual host for an app that speaks HTTP.
    func upstream(in world: World) -> String {
        let down = live == "blue" ? "green" : "blue"
        return """
            upstream blogLB {
            \(upstreamLines)server 127.0.0.1:\(port(live, in: world));
            server 127.0.0.1:\(port(down, in: world)) down;
            }

            """
    }

    private func write(node: Int, site: String, in world: World) throws {
        let directory = "nodes/node-\(node)"
        let listen = site.split(separator: "/").last.map(String.init) ?? ""
        try FileManager.default.removeItem(atPath: world.directory + "/" + world.upstreamFile(node))
        try FileManager.default.createDirectory(
            atPath: "\(world.directory)/\(directory)/\(folder)", withIntermediateDirectories: true)
        try world.write(upstream(in: world), to: "\(directory)/\(folder)/blog.conf")
        let include =
            folder == "backends.d" ? "" : "include \(world.directory)/\(directory)/\(folder)/blog.conf;\n"
        try world.write(
            """
            \(include)server {
            listen \(listen);
            server_name blog.domain.com;
            root \(world.directory)/\(directory)/srv/blog/current/public;
            location / {
            proxy_pass http://blogLB;
            proxy_set_header X-Forwarded-Proto https;
            }
            }

            """, to: "\(directory)/hosts.d/0-blogLB.conf")
    }
}

extension World {
    /// What there is, and in which version: every object that a release or `adopt` could touch, and every file of the nodes except
    /// nginx's own logs.
    func everything() async throws -> [String: String] {
        var found: [String: String] = [:]
        let kinds: [Resource] = [
            .namespaces, .services, .replicationControllers, .deployments, .replicaSets, .pods, .leases, .events,
            .configMaps,
        ]
        for kind in kinds {
            for object in try await client.list(kind).items {
                let name = object[at: "metadata.name"]?.string ?? ""
                found["\(kind.plural)/\(name)"] = object[at: "metadata.resourceVersion"]?.string
            }
        }
        let files = FileManager.default
        for name in try files.subpathsOfDirectory(atPath: directory + "/nodes") where !name.hasSuffix(".log") {
            let path = directory + "/nodes/" + name
            let attributes = try files.attributesOfItem(atPath: path)
            let content = attributes[.type] as? FileAttributeType == .typeRegular ? files.contents(atPath: path) : nil
            found[name] =
                "\(attributes[.modificationDate] ?? "") \(attributes[.posixPermissions] ?? "") "
                + (content.map { $0.base64EncodedString() } ?? "")
        }
        return found
    }
}
