import Foundation
import Kubernetes
import Nginx
import Testing

extension Releases {
    /// Configuration management gives a new node its first upstream file, without knowing which colour is live.
    @Suite struct NewNodeTests {
        @Test(
            "a new node that was seeded with the colour that is not live has drifted, and repair brings it to the live one"
        )
        func seeded() async throws {
            try await withWorld { world in
                let both = try world.read("viridian.yaml")
                try world.write(
                    both.replacing("static: [node-1, node-2]", with: "static: [node-1]"), to: "viridian.yaml")
                try await world.release("v1")
                try await world.release("v2")

                let rendered = try await world.viridian("render", "salt", "--into", "states")
                #expect(rendered.status == 0, "\(rendered)")
                let seed = try world.read("states/salt/kubernetes/files/node/nginx/backends.d/blog.conf")
                try world.write(seed, to: world.upstreamFile(2))
                try await world.reloadByHand(2)
                try world.write(both, to: "viridian.yaml")

                let nodes = try await world.viridian("nodes", "-o", "json").jsonLines
                let states = nodes.map { $0["state"]?.string }
                #expect(states == ["ok", "drifted"], "\(nodes)")
                #expect(nodes.last?["color"] == "blue", "\(nodes)")
                let status = try await world.viridian("status", "blog")
                let advice = status.lines.filter { $0.contains("viridian repair blog") }
                #expect(advice.count == 1 && advice[0].contains("node-2"), "\(status)")
                let check = try await world.viridian("check")
                #expect(check.status == 1, "\(check)")
                #expect(
                    check.lines.contains {
                        $0.hasPrefix("bad")
                            && $0.contains("node-2: routes to blue, but green is live. To fix: viridian repair blog")
                    }, "\(check)")

                let fixed = try await world.viridian("repair", "blog")
                #expect(fixed.status == 0, "\(fixed)")
                let file = try UpstreamFile(parsing: world.read(world.upstreamFile(2)))
                #expect(try file.routing(of: "blogLB", ports: world.ports) == .only(world.ports.green))
                #expect(try await world.served() == ["v2", "v2"])
                let healthy = try await world.viridian("nodes", "-o", "json").jsonLines
                #expect(healthy.allSatisfy { $0["state"] == nodes.first?["state"] }, "\(healthy)")
                try await world.release("v3")
                #expect(try await world.served() == ["v3", "v3"])
            }
        }
    }
}
