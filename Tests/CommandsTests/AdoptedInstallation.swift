import Controller
import Fleet
import Foundation
import Nginx
import ReleaseMachine
import Testing
import ViridianConfiguration
import Workloads

@testable import Commands

/// An installation by hand, as the article has it, after its tool has brought v2 live on green.
struct Installed {
    var running = RunningApp(
        namespace: "blog",
        services: [Installed.service("blog-blue", 30000), Installed.service("blog-green", 30001)],
        workloads: [Installed.workload("blog-green", image: "registry.local:5000/blog:v2")]
    )
    var nodes = ["10.0.0.1", "10.0.0.2"].map { Installed.node($0) }
    var upstream: String?
    var image: String?
    var otherApps: [String] = []

    static func service(_ name: String, _ port: Int, namespace: String = "blog") -> RunningApp.Service {
        .init(
            namespace: namespace, name: name, type: "NodePort", ports: [.init(target: 9000, nodePort: port)],
            selector: ["name": name])
    }

    static func workload(
        _ name: String, kind: String = "ReplicationController", image: String, replicas: Int = 3,
        hasProbe: Bool = true
    ) -> RunningApp.Workload {
        .init(
            kind: kind, name: name, labels: ["name": name], replicas: replicas, ready: replicas,
            containers: [
                .init(name: "blog", image: image, ports: [("", 9000)], hasReadinessProbe: hasProbe)
            ])
    }

    static let main = "http {\n    include /etc/nginx/sites-enabled/*;\n}\n"

    static let host = """
        include /etc/nginx/backends.d/blog.conf;
        server {
        listen 80;
        server_name blog.domain.com;
        root /srv/blog/current/public;
        location ~ \\.php$ {
        fastcgi_pass blogLB;
        }
        }
        """

    static func file(live: String = "green", more: String = "") -> String {
        """
        upstream blogLB {
        \(more)server 127.0.0.1:30000\(live == "green" ? " down" : "");
        server 127.0.0.1:30001\(live == "blue" ? " down" : "");
        }
        """
    }

    static func node(
        _ address: String, file: String = Installed.file(), host: String = Installed.host,
        path: String = "/etc/nginx/backends.d/blog.conf", more: [(String, String)] = [], program: String? = nil
    ) -> NodeInspection {
        func lines(_ path: String, _ text: String) -> LoadedConfiguration.File {
            let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
            return .init(path: path, lines: lines.enumerated().map { ($0.offset + 1, $0.element) })
        }
        let files =
            [("/etc/nginx/nginx.conf", main), ("/etc/nginx/sites-enabled/blog", host), (path, file)] + more
        return NodeInspection(
            node: Node(address),
            path: "/etc/nginx/backends.d/blog.conf",
            configuration: LoadedConfiguration(files: files.map { lines($0.0, $0.1) }),
            deployProgram: program,
            deploySource: program == nil ? nil : "s3://domain-deploy/blog/blog.tgz",
            staticFiles: program == nil ? [] : [.init(path: "/srv/blog", releases: 5, current: "releases/1")]
        )
    }

    func facts() throws -> AdoptionFacts {
        AdoptionFacts(
            app: try AppName("blog"), running: running, nodes: nodes,
            settings: NodesConfiguration(inventory: .fixed(nodes.map(\.node.address))), otherApps: otherApps,
            upstream: upstream, image: image)
    }

    func adoption() throws -> Adoption { try Adoption(try facts()) }

    /// Why it cannot be adopted.
    func refusal() throws -> String {
        do {
            let adoption = try adoption()
            return "adopted: \(adoption.text)"
        } catch let refusal as Refusal {
            return refusal.description
        }
    }
}

extension [AdoptionRemark] {
    func has(_ words: String...) -> Bool {
        contains { remark in words.allSatisfy { remark.text.contains($0) } }
    }
}
