import Integrations
import ViridianConfiguration

/// Asks the apps' registries for what the senders of hooks do not tell: digests, commits, sources.
protocol VersionLookup: Sendable {
    /// What the app's registry has at a tag or a digest; `nil`: no such image.
    func image(_ app: AppConfiguration, _ reference: String) async throws(RegistryError) -> RegistryImage?
    func tags(_ app: AppConfiguration) async throws(RegistryError) -> [String]
}

extension RegistryClients: VersionLookup {
    func image(_ app: AppConfiguration, _ reference: String) async throws(RegistryError) -> RegistryImage? {
        try await client(for: app.image).image(app.image.pathInRegistry, reference: reference)
    }

    func tags(_ app: AppConfiguration) async throws(RegistryError) -> [String] {
        try await client(for: app.image).tags(app.image.pathInRegistry)
    }
}
