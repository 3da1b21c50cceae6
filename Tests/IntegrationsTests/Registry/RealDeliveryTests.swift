import Foundation
import Integrations
import ReleaseMachine
import TestSupport
import Testing
import ViridianConfiguration

@Suite("Deliveries of a real registry", .enabled(if: TestRegistry.isThere, "\(TestRegistry.reason)"))
struct RealDeliveryTests {
    /// The pushes that a registry reports while `pushing` runs, until the one of the last tag has come.
    private func pushes(
        until last: String, _ pushing: @escaping @Sendable (TestRegistry) async throws -> Void
    ) async throws -> [PushedImage] {
        let hooks = HooksConfiguration(registry: Secret(password))
        let (deliveries, delivery) = AsyncStream.makeStream(of: Received.self)
        return try await withServer { request, _ in
            delivery.yield(request)
            return Reply()
        } _: { server in
            let registry = try await TestRegistry.start(
                notify: URL(string: server.url + "/hooks/registry"), authorization: "Bearer \(password)")
            var pushes: [PushedImage] = []
            var keys: Set<String?> = []
            do {
                try await pushing(registry)
                for await received in deliveries {
                    let request = HookRequest(headers: received.headers, body: Array(received.body.utf8))
                    #expect(HookSender.registry.verify(request, hooks, at: Timestamp(milliseconds: 0)) == .verified)
                    let reading = try HookSender.registry.read(request)
                    // A registry repeats what is not answered within a second.
                    guard keys.insert(reading.key).inserted else { continue }
                    for case .pushed(let image) in reading.events {
                        #expect(image.host == registry.host)
                        pushes.append(image)
                    }
                    if pushes.last?.tag == last { break }
                }
                await registry.stop()
            } catch {
                await registry.stop()
                throw error
            }
            return pushes
        }
    }

    @Test("every push of a tag is one event with the digest that the client resolves the tag to, pulls are none")
    func images() async throws {
        let digests = Digests()
        let pushes = try await pushes(until: "v2") { registry async throws in
            for tag in ["v1", "v1", "v2"] {
                await digests.add(try await registry.push(repository: "group/blog", tag: tag))
                try await withRegistryClient(registry.host) { client async throws in
                    #expect(try await client.image("group/blog", reference: tag)?.digest == digests.all.last)
                }
            }
        }
        #expect(pushes.map(\.tag) == ["v1", "v1", "v2"])
        #expect(pushes.map(\.digest) == (await digests.all))
        #expect(pushes.allSatisfy { $0.repository == "group/blog" })
    }

    @Test("an index of two platforms with an attestation is one event, of the index")
    func index() async throws {
        let digests = Digests()
        let pushes = try await pushes(until: "v1") { registry async throws in
            let layout = try registry.layout()
            var attestation = try layout.image(platform: (os: "unknown", architecture: "unknown"))
            attestation.annotations = ["vnd.docker.reference.type": "attestation-manifest"]
            let index = try layout.index([
                layout.image(), layout.image(platform: (os: "linux", architecture: "arm64")), attestation,
            ])
            await digests.add(try await registry.push(index, of: layout, repository: "blog", tag: "v1"))
        }
        #expect(pushes.map(\.digest) == (await digests.all))
    }
}

private actor Digests {
    private(set) var all: [String] = []

    func add(_ digest: String) { all.append(digest) }
}
