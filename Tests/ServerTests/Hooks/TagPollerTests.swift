import Integrations
import Journal
import ReleaseMachine
import Testing
import ViridianConfiguration

@testable import Server

@Suite("Lists of a registry's tags")
struct TagPollerTests {
    private static let signature = "sha256-" + String(repeating: "a", count: 64) + ".sig"

    @Test("signatures are no versions, and what is no image hides no new version and is not asked for with every list")
    func noImages() async throws {
        let world = try HookWorld()
        world.registry.push("v1", HookWorld.image(1))
        #expect(try await world.poll())
        world.registry.push(TagPollerTests.signature, HookWorld.image(2))
        for number in 0..<300 {
            world.registry.push("w\(number)-chart", HookWorld.image(1000 + number, isImage: false))
        }
        world.registry.push("v2", HookWorld.image(3))
        #expect(try await world.poll())
        #expect(try await world.journal.queued(app: "blog")?.version.version == "v2")
        #expect(Set(try await world.journal.tags(app: "blog")) == ["v1", "v2"])
        let before = world.registry.requests.count
        world.clock.advance(by: .seconds(300))
        #expect(try await world.poll())
        #expect(world.registry.requests.count == before + 1, "the list only")
    }

    @Test(
        "a tag that cannot be read keeps no other from being known, and is nothing new later",
        arguments: [RegistryError.Kind.invalidAnswer, .digestMismatch, .tooLarge, .serverError(status: 500)])
    func badTag(_ kind: RegistryError.Kind) async throws {
        let world = try HookWorld()
        world.registry.push("v1", HookWorld.image(1))
        world.registry.fail(at: "v0", with: kind)
        var lists = 1
        while try await !world.poll() { lists += 1 }
        #expect(lists == (kind == .serverError(status: 500) ? 3 : 1))
        #expect(try await world.journal.tagsListed(app: "blog") != nil)
        world.registry.push("v2", HookWorld.image(2))
        world.clock.advance(by: .seconds(300))
        #expect(try await world.poll())
        #expect(try await world.journal.queued(app: "blog")?.version.version == "v2")
        world.registry.fail(at: "v0", with: nil)
        world.registry.push("v0", HookWorld.image(9))
        world.clock.advance(by: .seconds(7200))
        #expect(try await world.poll())
        #expect(try await world.journal.queued(app: "blog")?.version.version == "v2")
    }

    @Test("a registry that does not answer in the middle of a list is asked for all of it again")
    func unreachable() async throws {
        let world = try HookWorld()
        world.registry.push("v1", HookWorld.image(1))
        world.registry.fail(at: "v0", with: .unreachable)
        for _ in 0..<5 { #expect(try await !world.poll()) }
        #expect(try await world.journal.tagsListed(app: "blog") == nil)
        world.registry.fail(at: "v0", with: nil)
        world.registry.push("v0", HookWorld.image(9))
        #expect(try await world.poll())
        #expect(Set(try await world.journal.versions(app: "blog", limit: 9).compactMap(\.digest)).count == 2)
    }

    @Test("among many tags that are commits, latest is found to have moved")
    func moved() async throws {
        let world = try HookWorld()
        for number in 0..<60 {
            let commit = String(number, radix: 16)
            world.registry.push(
                "0a" + String(repeating: "b", count: 38 - commit.count) + commit, HookWorld.image(100 + number))
        }
        world.registry.push("latest", HookWorld.image(1))
        #expect(try await world.poll())
        world.registry.push("latest", HookWorld.image(2))
        world.clock.advance(by: .seconds(300))
        #expect(try await world.poll())
        let queued = try await world.journal.queued(app: "blog")?.version
        #expect(queued?.version == "latest" && queued?.digest == RegistryEvents.digest(2), "\(queued as Any)")
    }

    @Test("a number that has moved before is found to have moved again")
    func movedNumber() async throws {
        let world = try HookWorld()
        for number in 1...2 {
            try await world.journal.note(
                PushedVersion(
                    app: "blog", version: "v1", digest: RegistryEvents.digest(number), pushedAt: world.clock.now,
                    sender: "registry"))
        }
        try await world.journal.noteTagsListed(app: "blog", at: world.clock.now)
        world.registry.push("v1", HookWorld.image(3))
        #expect(try await world.poll())
        #expect(try await world.journal.versions(app: "blog", tag: "v1").compactMap(\.digest).count == 3)
    }

    @Test("deliveries wait for a first list that is slow: of those pushed meanwhile the newest is released")
    func slowFirstList() async throws {
        let world = try HookWorld()
        try await world.journal.noteTagsListed(app: "blog", at: world.clock.now)
        for number in 2...4 { world.registry.push("v\(number)", HookWorld.image(number)) }
        let gate = Gate()
        world.registry.hold(at: gate)
        let event = HookEvent.pushed(
            PushedImage(
                host: "registry.local:5000", repository: "blog", tag: "v2", digest: RegistryEvents.digest(2)))
        let id = try await world.deliver(event)
        try await withThrowingTaskGroup { group in
            group.addTask { await world.poller.run() }
            let isAsked = try await eventually { world.registry.requests == ["blog"] ? true : nil }
            #expect(isAsked == true)
            let first = try await world.act(id)
            #expect(first.outcome == "waits until the tags of blog are listed, retrying" && first.nextAt != nil)
            await gate.open()
            let isListed = try await eventually { try await world.journal.queued(app: "blog") != nil ? true : nil }
            #expect(isListed == true)
            let second = try await world.finish(id)
            #expect(try await world.journal.queued(app: "blog")?.version.version == "v4")
            #expect(second.results.map(\.state) == [.ignored], "\(second)")
            group.cancelAll()
        }
    }

    @Test("a first list that takes longer than a minute does not hold deliveries any longer")
    func endlessFirstList() async throws {
        let world = try HookWorld()
        let gate = Gate()
        world.registry.hold(at: gate)
        let id = try await world.deliver(
            .pushed(
                PushedImage(
                    host: "registry.local:5000", repository: "blog", tag: "v2", digest: RegistryEvents.digest(2))))
        try await withThrowingTaskGroup { group in
            group.addTask { await world.poller.run() }
            let isAsked = try await eventually { world.registry.requests == ["blog"] ? true : nil }
            #expect(isAsked == true)
            let start = world.clock.now
            let delivery = try await world.finish(id)
            #expect(delivery.results.map(\.state) == [.starting], "\(delivery)")
            #expect(world.clock.now - start < .seconds(120))
            await gate.open()
            group.cancelAll()
        }
    }

    @Test("after a list that failed the next comes soon, and deliveries do not wait for it")
    func failedFirstList() async throws {
        let world = try HookWorld()
        world.registry.fail(with: .unreachable)
        try await withThrowingTaskGroup { group in
            group.addTask { await world.poller.run() }
            let waits = try await eventually { world.patient.requested.isEmpty ? nil : true }
            #expect(waits == true && world.patient.requested == [.seconds(15)])
            #expect(await !world.poller.isWaiting(forFirstListOf: "blog"))
            group.cancelAll()
        }
    }
}
