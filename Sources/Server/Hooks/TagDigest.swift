import Controller
import Integrations
import Journal
import ReleaseMachine
import ViridianConfiguration

/// Which image a version's tag is now. A person's release asks the registry before what the journal knows counts: an image may have been
/// pushed of which nobody told. The server and the command line ask under the same conditions.
package struct TagDigest: Sendable {
    private let journal: Journal
    private let lookup: any VersionLookup
    private let settings: HookSettings
    private let clock: any ReleaseClock

    init(journal: Journal, lookup: any VersionLookup, settings: HookSettings, clock: any ReleaseClock) {
        self.journal = journal
        self.lookup = lookup
        self.settings = settings
        self.clock = clock
    }

    package init(
        journal: Journal, registries: RegistryClients, settings: HookSettings, clock: any ReleaseClock = SystemClock()
    ) {
        self.init(journal: journal, lookup: registries, settings: settings, clock: clock)
    }

    /// The digest to which a version's tag points now; `nil` where the registry is not asked, does not say so in time, or has no
    /// such image. What it says is noted.
    package func noted(_ version: Version, of app: AppConfiguration) async throws(JournalError) -> String? {
        guard let found = await image(version, of: app) else { return nil }
        var pushed = PushedVersion(app: app.name.text, version: version.text, pushedAt: clock.now, sender: "poll")
        pushed.add(found)
        let known = try await journal.version(app: app.name.text, tag: version.text)
        if known?.digest != pushed.digest { try await journal.note(pushed) }
        return pushed.digest
    }

    /// The same without a note.
    package func digest(_ version: Version, of app: AppConfiguration) async -> String? {
        await image(version, of: app)?.digest
    }

    private func image(_ version: Version, of app: AppConfiguration) async -> RegistryImage? {
        guard settings.asksRegistry(of: app) else { return nil }
        let found = await withTaskGroup { [lookup, clock, settings] group -> RegistryImage? in
            group.addTask { try? await lookup.image(app, version.text) }
            group.addTask {
                try? await clock.sleep(for: settings.registryWithin)
                return nil
            }
            let first = await group.next() ?? nil
            group.cancelAll()
            return first
        }
        return found.flatMap { $0.isImage ? $0 : nil }
    }
}

extension HookSettings {
    /// Whether an app's registry is asked: for its tags every few minutes, and for where a tag points before a person's release.
    func asksRegistry(of app: AppConfiguration) -> Bool {
        app.releaseOn != nil || hooks.isAnyOn || registries.contains { app.image.isInRegistry($0.host) }
    }
}

extension Services {
    var tagDigest: TagDigest {
        TagDigest(journal: journal, lookup: poller.lookup, settings: hookSettings, clock: clock)
    }
}
