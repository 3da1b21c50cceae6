import Integrations
import Journal
import Logging
import ReleaseMachine
import ViridianConfiguration

/// Asks registries for what the senders of hooks do not tell: digests, commits, sources.
package struct VersionLookup: Sendable {
    private let registries: RegistryClients
    private let journal: Journal

    package init(registries: RegistryClients, journal: Journal) {
        self.registries = registries
        self.journal = journal
    }

    /// What the app's registry has at a tag or a digest; `nil`: no such image.
    func image(_ app: AppConfiguration, _ reference: String) async throws(RegistryError) -> RegistryImage? {
        try await registries.client(for: app.image).image(app.image.pathInRegistry, reference: reference)
    }

    func tags(_ app: AppConfiguration) async throws(RegistryError) -> [String] {
        try await registries.client(for: app.image).tags(app.image.pathInRegistry)
    }

    func shutdown() async { await registries.shutdown() }
}
