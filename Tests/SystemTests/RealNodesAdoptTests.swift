import Foundation
import Kubernetes
import TestSupport
import Testing

extension RealNodesTests {
    /// Moving in from the article's tool, on machines of their own.
    @Suite struct AdoptTests {
        @Test(
            "what the article's tool released over SSH and sudo is adopted over SSH and sudo, changing nothing, and then released",
            .enabled(if: ArticleTool.path != nil, ArticleTool.missing), .needsPython(ArticleTool.modules))
        func article() async throws {
            let tool = try await ArticleTool()
            try await withRealNodes(3) { world, nodes in
                let installed = InstalledByHand()
                try await installed.makeObjects(in: world)
                // The tool takes every line that ends with the live port's last digit for that port's: the article's file has no
                // options behind the ports.
                for node in nodes.numbers {
                    try nodes.write(installed.upstream(in: world), to: "backends.d/blog.conf", of: node)
                    try await nodes.reload(node)
                }
                try await installed.waitUntilServed(in: world)
                try await tool.deploy(
                    "v2", in: world, hosts: nodes.addresses, login: RealNodes.home + "/ssh_config",
                    reload: "nginx -s reload")
                // The tool does not wait until nginx has loaded what it wrote.
                let isServed = try await eventually { try await world.served() == ["v2", "v2", "v2"] }
                try #require(isServed)
                let objects = try await world.everything()
                let texts = try nodes.numbers.map { try nodes.text($0) }
                let said = try await world.viridian("adopt", "blog")
                try #require(said.status == 0, "\(said)")
                #expect(try await world.everything() == objects)
                #expect(try nodes.numbers.map { try nodes.text($0) } == texts)
                for node in nodes.numbers {
                    let state = nodes.directory(node) + "/etc/nginx/backends.d/.viridian"
                    #expect(!FileManager.default.fileExists(atPath: state))
                    #expect(
                        said.output.contains("127.0.1.\(node)  green      blogLB    /etc/nginx/backends.d/blog.conf"))
                }
                let check = try await world.viridian("check")
                #expect(check.status == 0 && !check.lines.contains { $0.hasPrefix("bad") }, "\(check)")
                try world.write(
                    world.read("apps/blog.yaml") + "drain: {least: 0s, most: 20s}\n", to: "apps/blog.yaml")
                let (released, watched) = try await world.watched { try await world.deploy("v3") }
                #expect(released.status == 0, "\(released)")
                watched.expectUnnoticed("\(watched.failures.prefix(5)) \(watched.dark)")
                #expect(try await world.served() == ["v3", "v3", "v3"])
                let back = try await world.viridian("rollback", "blog")
                #expect(back.status == 0, "\(back)")
                #expect(try await world.served() == ["v2", "v2", "v2"])
            }
        }
    }
}
