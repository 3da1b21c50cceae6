import Foundation
import Kubernetes
import Nginx
import Testing

extension AtTheDoor {
    @Suite struct CheckTests {
        @Test("check is all ok in a good world, before the first release and after it")
        func good() async throws {
            try await withWorld { world in
                for round in 1...2 {
                    let said = try await world.viridian("check")
                    #expect(said.status == 0, "\(said)")
                    #expect(said.lines.count > 8 && said.lines.allSatisfy { $0.hasPrefix("ok ") }, "\(said)")
                    let states = try await world.viridian("check", "-o", "json").jsonLines.map { $0["state"] }
                    #expect(states.allSatisfy { $0 == "ok" })
                    if round == 1 { try await world.release("v1") }
                }
                // Looking changed nothing.
                #expect(try await world.workloads() == ["blog-blue"])
            }
        }

        @Test("check names a node that was edited by hand, with exit status 1, and so do nodes and status")
        func bad() async throws {
            try await withWorld { world in
                try await world.release("v1")
                // By hand, and loaded: node-1 to green.
                let edited = try world.read(world.upstreamFile(1))
                    .replacing("\(world.ports.green) max_fails=0 down", with: "\(world.ports.green) max_fails=0")
                    .replacing("\(world.ports.blue) max_fails=0", with: "\(world.ports.blue) max_fails=0 down")
                try world.write(edited, to: world.upstreamFile(1))
                try await world.reloadByHand(1)
                let check = try await world.viridian("check")
                #expect(check.status == 1, "\(check)")
                let bad = check.lines.filter { $0.hasPrefix("bad") }
                #expect(
                    bad.contains {
                        $0.contains("node-1: it routes to green, and blue is live. Mend: viridian repair blog")
                    }, "\(check)")
                let nodes = try await world.viridian("nodes", "-o", "json").jsonLines
                #expect(nodes.first?["state"] == "astray", "\(nodes)")
                #expect(nodes.first?["color"] == "green")
                let status = try await world.viridian("status", "blog")
                let advice = status.lines.filter { $0.contains("viridian repair blog") }
                #expect(advice.count == 1 && advice[0].contains("node-1"), "\(status)")
            }
        }

        @Test("check names a node whose nginx has ended, with exit status 1")
        func stopped() async throws {
            try await withWorld(nodes: 1, runningNginx: false) { world in
                let check = try await world.viridian("check")
                #expect(check.status == 1, "\(check)")
                #expect(
                    check.lines.contains { $0.hasPrefix("bad") && $0.contains("node-1: nginx is not running. Mend: ") },
                    "\(check)")
                let status = try await world.viridian("status", "blog")
                #expect(status.status == 0, "\(status)")
                #expect(status.output.contains("nginx is not running"), "\(status)")
            }
        }
    }
}
