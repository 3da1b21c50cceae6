import Foundation
import HTTPTransport
import ViridianConfiguration

/// A client for one registry of container images: OCI distribution specification 1.1, with Docker's token authentication.
///
/// It connects with the first request. After a 429 with a time to wait, it sends no request until that time has passed.
package final class RegistryClient: Sendable {
    /// As images name it: `registry.local:5000`.
    package var host: String { session.host }
    private let session: RegistrySession

    /// `deadline` is for each call: an image takes up to four, and those that authenticate. `environment` names the proxies. Tokens and
    /// waits are measured with `now`.
    package init(
        _ configuration: RegistryConfiguration, deadline: Duration = .seconds(5),
        environment: [String: String] = ProcessInfo.processInfo.environment,
        now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }
    ) {
        session = RegistrySession(configuration, deadline: deadline, environment: environment, now: now)
    }

    /// Closes the connections. Requests in progress and later ones fail.
    package func shutdown() async { await session.transport.shutdown() }

    // MARK: - Images

    /// The image that a tag points at now, or that has a digest; `nil` when there is none.
    ///
    /// The repository is named without the registry: `group/blog`.
    package func image(_ repository: String, reference: String) async throws(RegistryError) -> RegistryImage? {
        guard Self.isReference(repository, reference) else { return nil }
        guard let (top, digest) = try await manifest(repository, reference) else { return nil }
        guard top.manifests != nil else {
            return try await image(repository, digest: digest, top, annotations: [top.annotations])
        }
        guard let chosen = top.representative else {
            return RegistryImage(digest: digest, labels: [top.annotations], created: nil, isImage: false)
        }
        // An index may name platforms that were not pushed.
        guard let (child, _) = try await manifest(repository, chosen.digest) else {
            let annotations = [chosen.annotations, top.annotations]
            return RegistryImage(digest: digest, labels: annotations, created: nil, isImage: true)
        }
        return try await image(
            repository, digest: digest, child, annotations: [child.annotations, chosen.annotations, top.annotations])
    }

    private func image(
        _ repository: String, digest: String, _ manifest: Manifest, annotations: [[String: String]]
    ) async throws(RegistryError) -> RegistryImage {
        guard manifest.isImage, let config = manifest.config else {
            return RegistryImage(digest: digest, labels: annotations, created: nil, isImage: manifest.isImage)
        }
        let configuration = try await configuration(repository, config)
        return RegistryImage(
            digest: digest, labels: [configuration.labels] + annotations, created: configuration.created, isImage: true)
    }

    private func manifest(
        _ repository: String, _ reference: String
    ) async throws(RegistryError) -> (Manifest, digest: String)? {
        let isDigest = reference.contains(":")
        guard
            let answer = try await get(
                repository, "manifests/" + reference, accept: Manifest.mediaTypes, largestBody: 4 << 20,
                isVerified: isDigest)
        else { return nil }
        let name = repository + (isDigest ? "@" : ":") + reference
        let promised = answer.headers["Docker-Content-Digest"]?.trimmingCharacters(in: .whitespaces)
        for digest in [promised, isDigest ? reference : nil].compactMap(\.self) {
            try verify(digest, answer.body, of: name)
        }
        if answer.headers["Content-Type"]?.hasPrefix("application/vnd.docker.distribution.manifest.v1+") == true {
            throw invalid("stores \(name) in a format that is no longer supported (Docker schema 1); push it again")
        }
        guard let manifest = try? JSONDecoder().decode(Manifest.self, from: answer.body) else {
            if answer.isWebPage { throw session.failure(answer, of: host) }
            throw invalid("returned something that is not a manifest of \(name)")
        }
        return (manifest, isDigest ? reference : promised ?? ContentDigest.sha256(answer.body))
    }

    private func configuration(
        _ repository: String, _ config: Descriptor
    ) async throws(RegistryError) -> ImageConfiguration {
        let name = "the configuration of an image of \(repository)"
        guard Self.isReference(repository, config.digest) else {
            throw invalid("names \(name) by something that is not a digest")
        }
        guard config.size <= Self.largestConfiguration else {
            throw RegistryError(
                .tooLarge, host: host, "\(host) stores \(name) with more than \(Self.largestConfiguration) bytes")
        }
        guard
            let answer = try await get(
                repository, "blobs/" + config.digest, accept: ["*/*"], largestBody: Self.largestConfiguration,
                isVerified: true)
        else { throw invalid("does not have \(name)") }
        try verify(config.digest, answer.body, of: name)
        guard let configuration = try? JSONDecoder().decode(ImageConfiguration.self, from: answer.body) else {
            throw invalid("stores \(name) in an unknown format")
        }
        return configuration
    }

    private static let largestConfiguration = 8 << 20

    private func verify(_ digest: String, _ body: Data, of name: String) throws(RegistryError) {
        guard ContentDigest.matches(digest, body) else {
            throw RegistryError(
                .digestMismatch, host: host, "\(host) returned content for \(name) that does not match its digest")
        }
    }

    // MARK: - Tags

    /// The tags of a repository, in the registry's order. Names that no tag can have are left out.
    package func tags(_ repository: String) async throws(RegistryError) -> [String] {
        guard Self.isReference(repository, "v1") else { throw noSuchRepository(repository) }
        var found: [String] = []
        var query: String? = "n=1000"
        for _ in 0..<Self.mostPages {
            guard let current = query else { return found }
            guard
                let answer = try await get(
                    repository, "tags/list?" + current, accept: ["application/json"], largestBody: 8 << 20)
            else { throw noSuchRepository(repository) }
            guard let page = TagsPage(answer) else {
                if answer.isWebPage { throw session.failure(answer, of: host) }
                throw invalid("returned something that is not a list of the tags of \(repository)")
            }
            found += page.tags.filter { Self.isReference(repository, $0) }
            guard found.count <= Self.mostTags else { throw tooManyTags(repository) }
            query = page.nextQuery
        }
        guard query == nil else { throw tooManyTags(repository) }
        return found
    }

    private static let mostPages = 200
    private static let mostTags = 100_000

    private func tooManyTags(_ repository: String) -> RegistryError {
        RegistryError(
            .tooLarge, host: host,
            "\(host) lists more than \(Self.mostTags) tags of \(repository), or too many pages of them; delete old tags there"
        )
    }

    private func noSuchRepository(_ repository: String) -> RegistryError {
        RegistryError(.noSuchRepository, host: host, "\(host) has no repository \(repository)")
    }

    // MARK: - Both

    /// The path is below the repository's. Names and digests consist of characters that need no encoding.
    private func get(
        _ repository: String, _ path: String, accept: [String], largestBody: Int, isVerified: Bool = false
    ) async throws(RegistryError) -> HTTPConnection.Response? {
        let name = session.transport.address.repository(repository)
        return try await session.get(
            RegistrySession.Request(
                repository: name, path: "/v2/\(name)/\(path)", accept: accept, largestBody: largestBody,
                isVerified: isVerified))
    }

    /// Whether a registry can have it: a repository with a tag or a digest.
    private static func isReference(_ repository: String, _ reference: String) -> Bool {
        let separator = reference.contains(":") ? "@" : ":"
        guard let image = try? ImageReference("registry.invalid/\(repository)\(separator)\(reference)") else {
            return false
        }
        return image.repository == repository && [image.tag, image.digest].contains(reference)
    }

    private func invalid(_ what: String) -> RegistryError {
        RegistryError(.invalidAnswer, host: host, "\(host) \(what)")
    }
}
