import Foundation
import HTTPTransport
import Kubernetes
import Processes
import TestSupport
import Testing

extension RealClusterTests {
    /// A real registry, from which the cluster's machine pulls what was pushed.
    @Suite(
        "From a push to a release",
        .enabled(if: RealCluster.tool != nil && TestRegistry.isThere, "script/e2e runs this with its own cluster"))
    struct PushTests {
        @Test(
            "what was pushed is what runs, wherever its tag points by then; of what was missed the newest is released")
        func story() async throws {
            try await withRealWorld(.init(replicas: 1)) { world in
                _ = try await world.apply("kubernetes")
                let port = try await Ports.shared.some(1)[0]
                let notify = try #require(URL(string: "http://127.0.0.1:\(port)/hooks/registry"))
                let registry = try await TestRegistry.start(notify: notify, authorization: "Bearer open sesame")
                do {
                    try world.use(registry)
                    try await follow(world, registry, port)
                    await registry.stop()
                } catch {
                    await registry.stop()
                    throw error
                }
            }
        }

        private func follow(_ world: RealWorld, _ registry: TestRegistry, _ port: Int) async throws {
            let made = try await world.viridian("token", "create", "--role", "admin", "--name", "anna", "-o", "json")
            let token = try #require(made.json?["token"]?.string, "\(made)")
            try await world.viridian.serving(port: port) { server in
                try await registry.push("v1", as: "v1")
                let first = try await server.release(1, in: "live", token)
                #expect(first["image"]?.string?.contains("/blog:v1@sha256:") == true, "\(first.text)")
                #expect(try await world.served() == ["v1", "v1"])

                // A lock holds the next one.
                _ = try await world.viridian("lock", "blog", "--reason", "an incident", "--automatic")
                try await registry.push("v2", as: "v2")
                let isHeld = try await eventually { try await server.queued(token) == "v2" }
                #expect(isHeld)
            }
            // Pushed while the server is down.
            try await registry.push("v3", as: "v3")
            try await world.viridian.serving(port: port) { server in
                let isHeld = try await eventually { try await server.queued(token) == "v3" }
                #expect(isHeld, "the newest takes the place of what waits")
                _ = try await world.viridian("unlock", "blog")
                let second = try await server.release(2, in: "live", token)
                #expect(second["version"] == "v3", "\(second.text)")
                #expect(try await world.served() == ["v3", "v3"])
                #expect(try await server.get("/api/v1/apps/blog/releases/3", token: token).status == 404)

                // The tag v4 points to v1's content by now; what the delivery names is v2's.
                let digest = try await registry.push("v2", as: "v4-pushed")
                try await registry.push("v1", as: "v4")
                let call = #"{"app": "blog", "version": "v4", "digest": "\#(digest)"}"#
                let answer = try await server.post("/hooks/deploy", call, token: token)
                #expect(answer.status == 202 || answer.status == 200, "\(String(decoding: answer.body, as: UTF8.self))")
                let third = try await server.release(3, in: "live", token)
                #expect(third["digest"]?.string == digest, "\(third.text)")
                #expect(try await world.served() == ["v2", "v2"])
            }
        }
    }
}

extension RealWorld {
    /// The app's images come from this registry, which tells a server of pushes.
    fileprivate func use(_ registry: TestRegistry) throws {
        for file in ["apps/blog.yaml", "blog-pod.yaml"] {
            let text = try String(contentsOfFile: directory + "/" + file, encoding: .utf8)
            let own = text.replacing("image: \(RealCluster.image)", with: "image: \(registry.host)/blog")
            let more = file.hasPrefix("apps/") ? "releaseOn: {tags: [\"v?\"]}\nwhenBusy: queue\n" : ""
            try write(own + more, to: file)
        }
        let text = try String(contentsOfFile: directory + "/viridian.yaml", encoding: .utf8)
        try write(text + "hooks: {registry: {secret: open sesame}}\n", to: "viridian.yaml")
    }
}

extension TestRegistry {
    /// Pushes one of the cluster's sample images with a tag, and returns its digest.
    @discardableResult
    fileprivate nonisolated func push(_ version: String, as tag: String) async throws -> String {
        let tool = try #require(RealCluster.tool)
        let place = "\(host)/blog:\(tag)"
        let done = try await Command(tool, ["push", "\(RealCluster.image):\(version)", place]).run(
            deadline: .seconds(60))
        try #require(done.succeeded, "\(done)")
        let shown = try await Command(
            "skopeo", ["inspect", "--tls-verify=false", "--format", "{{.Digest}}", "docker://\(place)"]
        ).run(deadline: .seconds(30))
        try #require(shown.succeeded, "\(shown)")
        return shown.output.trimmingCharacters(in: .whitespacesAndNewlines)
    }
}
