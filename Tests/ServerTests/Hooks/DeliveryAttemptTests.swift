import Controller
import Integrations
import Journal
import JournalSQLite
import ReleaseMachine
import Testing
import ViridianConfiguration

@testable import Server

@Suite("What becomes of a delivery, app by app")
struct DeliveryAttemptTests {
    private static func push(_ tag: String, digest: String? = nil) -> HookEvent {
        .pushed(PushedImage(host: "registry.local:5000", repository: "blog", tag: tag, digest: digest))
    }

    private func result(_ delivery: Delivery, _ app: String = "blog", _ version: String? = nil) -> DeliveryResult? {
        delivery.results.first { $0.app == app && (version == nil || $0.version == version) }
    }

    @Test("one tag that cannot be read does not keep the others of the delivery from being released")
    func brokenTag() async throws {
        let world = try HookWorld()
        world.registry.fail(at: "broken", with: .invalidAnswer)
        world.registry.push("v2", HookWorld.image(2))
        let id = try await world.deliver(DeliveryAttemptTests.push("broken"), DeliveryAttemptTests.push("v2"))
        let delivery = try await world.act(id)
        #expect(delivery.nextAt == nil)
        #expect(result(delivery, "blog", "broken")?.state == .failed)
        #expect(result(delivery, "blog", "broken")?.sentence == "blog:broken cannot be read")
        #expect(result(delivery, "blog", "v2")?.state == .starting)
        #expect(try await world.journal.queued(app: "blog")?.version.digest == RegistryEvents.digest(2))
    }

    @Test("while one app's registry does not answer, the other app's version goes on, and is decided once")
    func otherRegistryDown() async throws {
        let world = try HookWorld(apps: ["blog", "shop"])
        world.registry.push("v2", HookWorld.image(2))
        world.registry.push("v2", HookWorld.image(2), of: "shop")
        world.registry.fail("shop", with: .unreachable)
        let id = try await world.deliver(DeliveryAttemptTests.push("v2"))
        let first = try await world.act(id)
        #expect(first.nextAt != nil && first.outcome == "shop cannot be read, retrying", "\(first)")
        #expect(result(first)?.state == .starting && result(first, "shop") == nil)
        // What became of it meanwhile stays.
        let queued = try #require(try await world.journal.queued(app: "blog"))
        let dropped = DeliveryResult(app: "blog", version: "v2", state: .ignored, sentence: "dropped")
        try await world.journal.dequeue(queued, result: dropped)
        world.registry.fail("shop", with: nil)
        let second = try await world.finish(id)
        #expect(result(second) == dropped && result(second, "shop")?.state == .starting, "\(second)")
        #expect(world.registry.requests.count { $0 == "blog:v2" } == 1)
    }

    @Test("a registry that does not answer for ten minutes loses no delivery; one that never does leaves a failure")
    func registryDown() async throws {
        let world = try HookWorld()
        world.registry.fail(with: .unreachable)
        let (lost, found) = await (
            try world.deliver(DeliveryAttemptTests.push("v1")), try world.deliver(DeliveryAttemptTests.push("v2"))
        )
        let end = world.clock.now + .seconds(600)
        while let next = try await world.journal.delivery(found)?.nextAt, next < end {
            world.clock.advance(by: next - world.clock.now)
            _ = try await world.act(found)
        }
        let failed = try await world.finish(lost)
        #expect(result(failed)?.state == .failed && failed.attempts == DeliveryAttempt.most, "\(failed)")
        #expect(result(failed)?.sentence == "given up after 14 minutes: blog cannot be read")
        world.registry.fail(with: nil)
        world.registry.push("v2", HookWorld.image(2))
        #expect(result(try await world.finish(found))?.state == .starting)
    }

    // MARK: - Pipelines

    @Test("a pipeline that succeeds before its image is known waits for it, and says so")
    func pipelineFirst() async throws {
        let world = try HookWorld(triggers: ReleaseTriggers(branches: ["master"]))
        try await world.know("git@gitlab.domain.com:mike/blog.git")
        let id = try await world.deliver(HookWorld.pipeline)
        let first = try await world.act(id)
        #expect(
            first.outcome == "waits for an image of blog that is built from 1a2b3c4d5e6f of mike/blog, retrying",
            "\(first)")
        #expect(first.nextAt != nil && first.results.isEmpty)
        world.clock.advance(by: .seconds(300))
        world.registry.push("v7", HookWorld.image(7, commit: HookWorld.commit))
        let second = try await world.act(id)
        #expect(second.nextAt == nil && result(second)?.version == "v7" && result(second)?.state == .starting)
        let queued = try #require(try await world.journal.queued(app: "blog")).version
        #expect(queued.digest == RegistryEvents.digest(7) && queued.ref == "master", "\(queued)")
    }

    @Test("a pipeline without an image fails after a quarter of an hour, and says what to do")
    func pipelineAlone() async throws {
        let world = try HookWorld()
        try await world.know("https://gitlab.domain.com/mike/blog")
        let id = try await world.deliver(HookWorld.pipeline)
        let start = world.clock.now
        let delivery = try await world.finish(id)
        let took = world.clock.now - start
        #expect(took > .seconds(600) && took <= .seconds(900), "\(took)")
        let failure = try #require(result(delivery))
        #expect(failure.state == .failed && failure.version == "1a2b3c4d5e6f")
        #expect(failure.sentence.hasPrefix("no image of blog that is built from 1a2b3c4d5e6f of mike/blog was found"))
        #expect(failure.sentence.contains("org.opencontainers.image.revision"))
        #expect(failure.sentence.contains("viridian deploy blog --version TAG"))
    }

    @Test("a pipeline waits for a registry that refuses its credentials until somebody corrects them")
    func credentials() async throws {
        let world = try HookWorld()
        try await world.know("https://gitlab.domain.com/mike/blog")
        world.registry.fail(with: .credentialsRefused)
        let id = try await world.deliver(HookWorld.pipeline)
        let first = try await world.act(id)
        #expect(first.nextAt != nil && first.outcome?.contains("blog cannot be read") == true, "\(first)")
        world.registry.fail(with: nil)
        world.registry.push(HookWorld.commit, HookWorld.image(7))
        #expect(result(try await world.finish(id))?.state == .starting)
    }

    @Test("a pipeline of another project concerns no app that is built from elsewhere, and asks no registry")
    func foreignProject() async throws {
        let world = try HookWorld()
        try await world.know("https://gitlab.domain.com/mike/shop")
        let delivery = try await world.act(try world.deliver(HookWorld.pipeline))
        #expect(delivery.nextAt == nil && delivery.results.isEmpty)
        #expect(
            delivery.outcome
                == "it concerns no app: blog is built from https://gitlab.domain.com/mike/shop, not from mike/blog")
        #expect(world.registry.requests == [])
    }

    @Test("where no source is known, a pipeline concerns an app only when there is an image of its very commit")
    func unknownSource() async throws {
        let world = try HookWorld(apps: ["blog", "shop"])
        world.registry.push("v1", HookWorld.image(1, commit: "0000000aaaaaaa"), of: "shop")
        world.registry.push("v1", HookWorld.image(1, commit: "0000000aaaaaaa"))
        world.registry.push("v2", HookWorld.image(2, commit: HookWorld.commit))
        let delivery = try await world.finish(try world.deliver(HookWorld.pipeline))
        #expect(delivery.results.map(\.app) == ["blog"] && result(delivery)?.version == "v2", "\(delivery)")
        #expect(result(delivery)?.state == .starting)
    }

    @Test("a deployment does not release another project's version of the same name")
    func sameName() async throws {
        let world = try HookWorld(triggers: ReleaseTriggers(environments: ["production"]))
        world.registry.push("v2", HookWorld.image(2))
        let id = try await world.deliver(
            .deploymentRequested(
                RequestedDeployment(
                    project: "mike/other", commit: HookWorld.commit, environment: "production", version: "v2")))
        let delivery = try await world.finish(id)
        #expect(delivery.results.isEmpty && delivery.outcome?.hasPrefix("it concerns no app") == true, "\(delivery)")
        try await world.know("https://github.com/mike/other")
        let own = try await world.deliver(
            .deploymentRequested(
                RequestedDeployment(
                    project: "mike/other", commit: HookWorld.commit, environment: "production", version: "v2")))
        #expect(result(try await world.finish(own))?.version == "v2")
    }

    // MARK: - The processor

    @Test("however often it is woken, one task waits for the next retry")
    func oneAlarm() async throws {
        let world = try HookWorld()
        world.registry.fail(with: .unreachable)
        let id = try await world.deliver(DeliveryAttemptTests.push("v1"))
        await withTaskGroup { group in
            group.addTask { await world.processor.run() }
            _ = try? await eventually { try await world.journal.delivery(id)?.attempts == 1 ? true : nil }
            for _ in 0..<500 {
                world.processor.wake()
                await Task.yield()
            }
            let isWaiting = try? await eventually { world.patient.sleeping > 0 ? true : nil }
            #expect(isWaiting == true && world.patient.sleeping == 1)
            group.cancelAll()
        }
    }

    @Test("what waits for an app that is not in the configuration any more goes, and its delivery says why")
    func removedApp() async throws {
        let folder = try TestFolder()
        do {
            let journal = try Journal(path: folder.journal)
            let now = SystemClock().now
            let id = try await journal.receive([
                NewDelivery(
                    at: now, sender: "registry", key: nil, kind: "push", origin: "test", events: "[]", outcome: nil)
            ])[0].id
            try await journal.finish(delivery: id, outcome: nil)
            try await journal.enqueue(
                QueuedVersion(
                    version: PushedVersion(app: "gone", version: "v1", pushedAt: now, sender: "registry"),
                    delivery: id, since: now, requestedBy: "registry", requester: .hook, waitsFor: "waits"))
        }
        var settings = HookSettings()
        settings.lookup = NoRegistry()
        try await withServer(folder: folder, hooks: settings) { server in
            let isEmpty = try await eventually { try await server.journal.queue().isEmpty ? true : nil }
            #expect(isEmpty == true)
            let result = try await server.journal.deliveries(limit: 1).first?.results.first
            #expect(result?.state == .ignored)
            #expect(result?.sentence == "gone is not in the configuration of this server any more")
        }
    }
}
