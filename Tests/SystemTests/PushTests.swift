import Foundation
import HTTPTransport
import Kubernetes
import Processes
import TestSupport
import Testing

extension Releases {
    /// A real registry, real pushes, a running server.
    @Suite("From a push to a release", .enabled(if: TestRegistry.isThere, "\(TestRegistry.reason)"))
    struct PushTests {
        @Test("a pushed image is released by its digest, once, with the commit that its labels name")
        func push() async throws {
            try await withRegistry { world, registry, token, port in
                try await world.serving(port: port) { server in
                    let layout = try registry.layout()
                    let image = try layout.image(labels: [
                        "org.opencontainers.image.revision": "1a2b3c4d5e6f",
                        "org.opencontainers.image.source": "https://gitlab.domain.com/mike/blog",
                    ])
                    let digest = try await registry.push(image, of: layout, repository: "blog", tag: "v1")
                    let release = try await server.release(1, in: "live", token)
                    #expect(release["image"]?.string == "\(registry.host)/blog:v1@\(digest)", "\(release.text)")
                    #expect(release["commit"] == "1a2b3c4d5e6f")
                    #expect(try await world.served() == ["v1", "v1"])
                    let containers = try await world.images()
                    #expect(containers == ["\(registry.host)/blog:v1@\(digest)"])

                    // The same again changes nothing.
                    try await registry.push(image, of: layout, repository: "blog", tag: "v1")
                    let next = try await registry.push(repository: "blog", tag: "v2")
                    let second = try await server.release(2, in: "live", token)
                    #expect(second["version"] == "v2" && second["digest"]?.string == next, "\(second.text)")
                    #expect(try await server.get("/api/v1/apps/blog/releases/3", token: token).status == 404)
                }
            }
        }

        @Test("of three versions that are pushed while the server is down, the newest is released, once")
        func serverDown() async throws {
            try await withRegistry { world, registry, token, port in
                try await world.serving(port: port) { server in
                    try await registry.push(repository: "blog", tag: "v1")
                    _ = try await server.release(1, in: "live", token)
                }
                for version in ["v2", "v3", "v4"] { try await registry.push(repository: "blog", tag: version) }
                try await world.serving(port: port) { server in
                    let release = try await server.release(2, in: "live", token)
                    #expect(release["version"] == "v4", "\(release.text)")
                    // The registry delivers all three in the end.
                    let areTold = try await eventually {
                        let deliveries = try await server.deliveries(token).filter { $0["sender"] == "registry" }
                        let tags = deliveries.flatMap { $0["results"]?.array ?? [] }.compactMap {
                            $0["version"]?.string
                        }
                        return Set(["v2", "v3", "v4"]).isSubset(of: tags)
                    }
                    let deliveries = try await server.deliveries(token)
                    #expect(areTold, "\(deliveries.map(\.text))")
                    #expect(try await server.get("/api/v1/apps/blog/releases/3", token: token).status == 404)
                    #expect(try await world.served() == ["v4", "v4"])
                }
            }
        }

        @Test(
            "a tag that moved between the push and the start of the release moves nothing: the pushed digest is what runs"
        )
        func movedTag() async throws {
            try await withRegistry(notifies: false) { world, registry, token, port in
                try await world.serving(port: port) { server in
                    let first = try await registry.push(repository: "blog", tag: "v1")
                    try await server.deliver("v1", digest: first, of: registry)
                    _ = try await server.release(1, in: "live", token)
                    let lock = try await server.post(
                        "/api/v1/locks", #"{"app": "blog", "reason": "the move"}"#, token: token)
                    let id = try #require(try JSON(parsing: lock.body)["id"]?.string)

                    let pushed = try await registry.push(repository: "blog", tag: "v2")
                    try await server.deliver("v2", digest: pushed, of: registry)
                    let waits = try await eventually { try await server.queued(token) == "v2" }
                    #expect(waits)
                    let moved = try await registry.push(repository: "blog", tag: "v2")
                    #expect(moved != pushed)
                    let unlocked = try await server.http.send(
                        .init("DELETE", "/api/v1/locks/\(id)", headers: ["Authorization": "Bearer \(token)"]))
                    #expect(unlocked.status == 204)

                    let release = try await server.release(2, in: "live", token)
                    #expect(release["image"]?.string == "\(registry.host)/blog:v2@\(pushed)", "\(release.text)")
                    let images = try await world.images()
                    #expect(images.contains("\(registry.host)/blog:v2@\(pushed)"), "\(images)")
                    #expect(!images.contains { $0.contains(moved) }, "\(images)")
                    #expect(try await world.served() == ["v2", "v2"])
                }
            }
        }

        @Test("killed between a delivery and its release, it releases exactly once after a restart")
        func killed() async throws {
            try await withRegistry(more: "verify: {required: true}") { world, registry, token, port in
                try await world.serving(port: port, endingWith: SIGKILL) { server in
                    let call = #"{"app": "blog", "version": "v1", "commit": "1a2b3c4"}"#
                    let answers = try await withThrowingTaskGroup { group in
                        for _ in 0..<20 {
                            group.addTask {
                                let answer = try await server.post(
                                    "/hooks/deploy", call, token: token, headers: ["Idempotency-Key": "build-17"])
                                return (answer.status, try JSON(parsing: answer.body)["delivery"])
                            }
                        }
                        var answers: [(Int, JSON?)] = []
                        for try await answer in group { answers.append(answer) }
                        return answers
                    }
                    #expect(answers.allSatisfy { $0.0 == 202 && $0.1 == answers[0].1 }, "\(answers)")
                }
                try await world.serving(port: port) { server in
                    _ = try await server.release(1, in: "paused", token)
                    #expect(try await server.get("/api/v1/apps/blog/releases/2", token: token).status == 404)
                }
            }
        }
    }
}

/// A world whose app's images are in a real registry, which tells a server on `port` of pushes unless `notifies` is false.
private func withRegistry(
    more: String = "",
    notifies: Bool = true,
    _ body: @escaping @Sendable (World, TestRegistry, _ token: String, _ port: Int) async throws -> Void
) async throws {
    try await withWorld { world in
        let port = try await Ports.shared.some(1)[0]
        let notify = try #require(URL(string: "http://127.0.0.1:\(port)/hooks/registry"))
        let registry = try await TestRegistry.start(
            notify: notifies ? notify : nil, authorization: "Bearer open sesame")
        let text = try world.read("apps/blog.yaml").replacing("registry.local:5000", with: registry.host)
        try world.write(text + "releaseOn: {tags: [\"v*\"]}\nwhenBusy: queue\n\(more)\n", to: "apps/blog.yaml")
        try world.write(
            world.read("blog-pod.yaml").replacing("registry.local:5000", with: registry.host), to: "blog-pod.yaml")
        try world.write(
            world.read("viridian.yaml") + "hooks: {registry: {secret: open sesame}}\n", to: "viridian.yaml")
        let token = try await world.token()
        do {
            try await body(world, registry, token, port)
            await registry.stop()
        } catch {
            await registry.stop()
            throw error
        }
    }
}

extension World {
    /// The images of the app's workloads.
    fileprivate func images() async throws -> [String] {
        try await client.list(.replicationControllers, namespace: "blog").items.compactMap {
            $0[at: "spec.template.spec.containers"]?.array?.first?["image"]?.string
        }
    }
}

extension Serving {
    /// Waits for a state of a release that may not have begun.
    func release(_ number: Int, in state: String, _ token: String) async throws -> JSON {
        var release = JSON.null
        let isThere = try await eventually {
            release = try JSON(parsing: try await get("/api/v1/apps/blog/releases/\(number)", token: token).body)
            return release["state"]?.string == state
        }
        let deliveries = try await deliveries(token).map(\.text)
        try #require(isThere, "blog/\(number) is not \(state): \(release.text) \(deliveries)")
        return release
    }

    /// Tells of a push as the registry would.
    func deliver(_ tag: String, digest: String, of registry: TestRegistry) async throws {
        let body = """
            {"events": [{"id": "\(UUID().uuidString)", "timestamp": "2015-10-25T14:34:03Z", "action": "push",
              "target": {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": "\(digest)",
                "repository": "blog", "tag": "\(tag)"},
              "request": {"host": "\(registry.host)", "method": "PUT", "useragent": "skopeo/1.9.3"}}]}
            """
        let answer = try await http.send(
            .init(
                "POST", "/hooks/registry",
                headers: [
                    "Authorization": "Bearer open sesame",
                    "Content-Type": "application/vnd.docker.distribution.events.v1+json",
                ], body: Data(body.utf8)))
        try #require(answer.status == 202, "\(answer)")
    }

    /// The version that waits, if any.
    func queued(_ token: String) async throws -> String? {
        try JSON(parsing: try await get("/api/v1/queue?app=blog", token: token).body)["queue"]?[0]?["version"]?.string
    }

    func deliveries(_ token: String) async throws -> [JSON] {
        try JSON(parsing: try await get("/api/v1/deliveries", token: token).body)["deliveries"]?.array ?? []
    }
}
