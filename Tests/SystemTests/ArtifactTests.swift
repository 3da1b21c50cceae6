import Foundation
import Processes
import Testing

extension Releases {
    @Suite struct ArtifactTests {
        /// A tar archive of one file with the version in it.
        private func pack(_ version: String, in world: World) async throws {
            let directory = world.directory + "/art"
            try FileManager.default.createDirectory(
                atPath: directory + "/" + version, withIntermediateDirectories: true)
            try world.write(version, to: "art/\(version)/version.txt")
            let packed = try await Command(
                "tar", ["-czf", "\(directory)/\(version).tgz", "-C", "\(directory)/\(version)", "."]
            ).run()
            try #require(packed.succeeded, "\(packed.error)")
        }

        private func assets(_ world: World, _ node: Int) -> String { "srv/node-\(node)" }

        private func current(_ world: World, _ node: Int) throws -> String {
            try world.read(assets(world, node) + "/current/version.txt")
        }

        @Test("static assets follow the releases of an app, forward, back, and after manual changes")
        func follow() async throws {
            try await withWorld { world in
                var app = World.App()
                app.more = "artifact: {from: \"../art/{version}.tgz\", to: \"\(world.directory)/srv/{node}\", keep: 2}"
                try world.write(app)
                try await pack("v1", in: world)
                try await pack("v2", in: world)
                try await world.release("v1")
                #expect(try current(world, 1) == "v1" && current(world, 2) == "v1")
                try await world.release("v2")
                #expect(try current(world, 1) == "v2" && current(world, 2) == "v2")
                // A version without an artifact fails before the switch.
                let missing = try await world.deploy("v3")
                #expect(missing.status == 2, "\(missing)")
                #expect(missing.output.contains("v3.tgz"), "\(missing)")
                #expect(try current(world, 1) == "v2")
                #expect(try await world.served() == ["v2", "v2"])
                let back = try await world.viridian("rollback", "blog")
                #expect(back.status == 0, "\(back)")
                #expect(try current(world, 1) == "v1" && current(world, 2) == "v1")
                #expect(try await world.served() == ["v1", "v1"])
                // Changed by hand, and on a node that has lost all its assets.
                let link = world.directory + "/" + assets(world, 1) + "/current"
                try FileManager.default.removeItem(atPath: link)
                try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: "releases/v2")
                let check = try await world.viridian("check")
                #expect(check.status == 1, "\(check)")
                #expect(
                    check.lines.contains {
                        $0.hasPrefix("bad") && $0.contains("node-1") && $0.contains("current points to releases/v2")
                    }, "\(check)")
                try FileManager.default.removeItem(atPath: world.directory + "/" + assets(world, 2))
                let repair = try await world.viridian("repair", "blog")
                #expect(repair.status == 0, "\(repair)")
                #expect(try current(world, 1) == "v1" && current(world, 2) == "v1")
            }
        }
    }
}
