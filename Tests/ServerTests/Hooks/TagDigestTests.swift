import Controller
import Integrations
import Journal
import JournalSQLite
import ReleaseMachine
import Synchronization
import Testing
import ViridianConfiguration

@testable import Server

@Suite("Where a tag points, before a person's release")
struct TagDigestTests {
    /// A registry that has one image, or does not answer before it is cancelled.
    private final class Registry: VersionLookup {
        private let state = Mutex((digest: Character?.none, requests: 0))

        var requests: Int { state.withLock(\.requests) }

        func push(_ digest: Character) { state.withLock { $0.digest = digest } }

        func image(_ app: AppConfiguration, _ reference: String) async throws(RegistryError) -> RegistryImage? {
            let digest = state.withLock { state in
                state.requests += 1
                return state.digest
            }
            if let digest { return RegistryImage(digest: AdmissionTesting.digest(digest)) }
            let (never, continuation) = AsyncStream.makeStream(of: Void.self)
            for await _ in never {}
            _ = continuation
            return nil
        }

        func tags(_ app: AppConfiguration) async throws(RegistryError) -> [String] { [] }
    }

    /// Sleeping takes no time.
    private struct HurriedClock: ReleaseClock {
        var now: Timestamp { Timestamp(milliseconds: 1_445_783_643_000) }
        func sleep(for length: Duration) async throws { #expect(length == HookSettings().registryWithin) }
    }

    private let registry = Registry()

    private func app(_ triggers: ReleaseTriggers? = nil) throws -> AppConfiguration {
        var app = try AppConfiguration(
            app: "blog", ports: .init(container: 9000, blue: 30000, green: 30001), image: "registry.local:5000/blog")
        app.releaseOn = triggers
        return app
    }

    private func tags(
        _ journal: Journal, _ settings: HookSettings = HookSettings(), clock: any ReleaseClock = SystemClock()
    ) -> TagDigest {
        TagDigest(journal: journal, lookup: registry, settings: settings, clock: clock)
    }

    @Test("the registry is asked where it is configured, a hook is on, or something releases the app by itself")
    func asks() async throws {
        let folder = try TestFolder()
        let journal = try Journal(path: folder.journal)
        registry.push("a")
        func digest(_ settings: HookSettings, _ triggers: ReleaseTriggers? = nil) async throws -> String? {
            await tags(journal, settings).digest(try Version("v1"), of: try app(triggers))
        }
        let elsewhere = HookSettings(registries: [RegistryConfiguration(host: "registry.domain.com")])
        for settings in [HookSettings(), elsewhere] {
            let answer = try await digest(settings)
            #expect(answer == nil)
        }
        #expect(registry.requests == 0)
        let here = HookSettings(registries: [RegistryConfiguration(host: "registry.local:5000")])
        let hook = HookSettings(hooks: HooksConfiguration(quay: Secret("open sesame")))
        for settings in [here, hook] {
            let answer = try await digest(settings)
            #expect(answer == AdmissionTesting.digest("a"))
        }
        let answer = try await digest(HookSettings(), ReleaseTriggers(tags: ["v*"]))
        #expect(answer == AdmissionTesting.digest("a"))
        #expect(try await journal.versions(app: "blog", limit: 10) == [], "to ask is not to note")
    }

    @Test("a registry that does not answer in time is not waited for")
    func silent() async throws {
        let folder = try TestFolder()
        let journal = try Journal(path: folder.journal)
        let tags = tags(journal, clock: HurriedClock())
        let digest = try await tags.noted(try Version("v1"), of: try app(ReleaseTriggers(tags: ["v*"])))
        #expect(digest == nil && registry.requests <= 1)
        #expect(try await journal.versions(app: "blog", limit: 10) == [])
    }

    @Test("what it says is noted: a tag that was moved back is what it was before")
    func moved() async throws {
        let folder = try TestFolder()
        let journal = try Journal(path: folder.journal)
        let (latest, app) = (try Version("latest"), try app(ReleaseTriggers(tags: ["*"])))
        for image: Character in ["a", "b", "a"] {
            registry.push(image)
            let digest = try await tags(journal).noted(latest, of: app)
            #expect(digest == AdmissionTesting.digest(image))
        }
        #expect(try await journal.version(app: "blog", tag: "latest")?.digest == AdmissionTesting.digest("a"))
        #expect(try await journal.versions(app: "blog", tag: "latest").count == 2)
    }
}
