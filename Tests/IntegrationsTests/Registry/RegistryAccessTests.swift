import Foundation
import Integrations
import Synchronization
import TestSupport
import Testing

@Suite("Access to a real registry", .enabled(if: TestRegistry.isThere, "\(TestRegistry.reason)"))
struct RegistryAccessTests {
    private func withRegistry(
        _ options: TestRegistry.Options, _ test: (TestRegistry) async throws -> Void
    ) async throws {
        let registry = try await TestRegistry.start(options)
        do {
            try await test(registry)
            await registry.stop()
        } catch {
            await registry.stop()
            throw error
        }
    }

    @Test("a user and a password are sent where they are demanded; wrong ones, and none, are named")
    func basic() async throws {
        // bcrypt of the password, as htpasswd -B writes it.
        let users = FileManager.default.temporaryDirectory.path + "/viridian-htpasswd-\(UUID().uuidString)"
        try "ci:$2b$04$8mKsryqVQHeDgfeQOBO7M.FDry0jjs55CA0cTxYRLTYZLzJbH90Ia\n"
            .write(toFile: users, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(atPath: users) }
        var options = TestRegistry.Options()
        options.credentials = ("ci", password)
        options.lines = ["auth: {htpasswd: {realm: tests, path: \(users)}}"]
        try await withRegistry(options) { registry async throws in
            let digest = try await registry.push(repository: "blog", tag: "v1")
            try await withRegistryClient(registry.host, user: "ci", password: password) { client async throws in
                #expect(try await client.image("blog", reference: "v1")?.digest == digest)
                #expect(try await client.tags("blog") == ["v1"])
            }
            try await withRegistryClient(registry.host, user: "ci", password: "guessed") { client async throws in
                let error = try await registryError { try await client.image("blog", reference: "v1") }
                #expect(error.kind == .credentialsRefused && !error.isTemporary)
                #expect(
                    error.description
                        == "\(registry.host) rejected the user name and password configured for \(registry.host)"
                )
            }
            try await withRegistryClient(registry.host) { client async throws in
                let error = try await registryError { try await client.tags("blog") }
                #expect(error.kind == .credentialsRequired && error.host == registry.host)
            }
        }
    }

    @Test("TLS is trusted by the configured authority only")
    func tls() async throws {
        let (own, other) = (try await LoopbackCertificate(), try await LoopbackCertificate())
        defer {
            own.remove()
            other.remove()
        }
        var options = TestRegistry.Options()
        options.tls = (own.certificate, own.key)
        try await withRegistry(options) { registry async throws in
            let digest = try await registry.push(repository: "blog", tag: "v1")
            try await withRegistryClient(registry.host, ca: own.certificate) { client async throws in
                #expect(try await client.image("blog", reference: "v1")?.digest == digest)
            }
            try await withRegistryClient(registry.host, ca: other.certificate) { client async throws in
                let error = try await registryError { try await client.image("blog", reference: "v1") }
                #expect(error.kind == .tls && !error.isTemporary, "\(error)")
                #expect(error.description.hasSuffix("its certificate is not signed by a trusted authority"))
            }
            // Without TLS, as loopback is asked when no authority is configured.
            try await withRegistryClient(registry.host) { client async throws in
                let error = try await registryError { try await client.image("blog", reference: "v1") }
                #expect(error.kind == .invalidAnswer, "\(error)")
                #expect(error.description.hasSuffix("returned status 400 to plain HTTP; it may require TLS"))
            }
            for (file, words) in [(own.directory + "/none.pem", "cannot be read from"), (own.key, "not readable PEM")] {
                try await withRegistryClient(registry.host, ca: file) { client async throws in
                    let error = try await registryError { try await client.image("blog", reference: "v1") }
                    #expect(error.kind == .configuration && error.description.contains(words), "\(error)")
                }
            }
        }
    }

    @Test("a registry without TLS that is configured with an authority gets a hint")
    func noTLS() async throws {
        let files = try await LoopbackCertificate()
        defer { files.remove() }
        try await withRegistry(TestRegistry.Options()) { registry async throws in
            try await withRegistryClient(registry.host, ca: files.certificate) { client async throws in
                let error = try await registryError { try await client.tags("blog") }
                #expect(error.kind == .tls)
                #expect(error.description.hasSuffix("for a registry without TLS, set plainHTTP: true"), "\(error)")
            }
        }
    }

    @Test("blobs that a registry with TLS keeps in a storage without it are read there, since their digest is known")
    func storage() async throws {
        let files = try await LoopbackCertificate()
        defer { files.remove() }
        let folders = Folders()
        try await withServer { request, _ in
            // /docker/registry/v2/blobs/sha256/4b/4b…/data
            guard let hash = request.path.split(separator: "/").dropLast().last, let folder = folders.last else {
                return Reply(status: 404)
            }
            return try .text(String(contentsOfFile: "\(folder)/blobs/sha256/\(hash)", encoding: .utf8))
        } _: { storage async throws in
            var options = TestRegistry.Options()
            options.tls = (files.certificate, files.key)
            options.lines = ["middleware: {storage: [{name: redirect, options: {baseurl: '\(storage.url)/'}}]}"]
            try await withRegistry(options) { registry async throws in
                let layout = try registry.layout()
                folders.add(layout.directory)
                try await registry.push(
                    layout.image(labels: ["org.opencontainers.image.revision": "abc"]), of: layout,
                    repository: "blog", tag: "v1")
                try await withRegistryClient(registry.host, ca: files.certificate) { client async throws in
                    #expect(try await client.image("blog", reference: "v1")?.commit == "abc")
                }
            }
            #expect(await storage.requests.all.last?.path.hasPrefix("/docker/registry/v2/blobs/sha256/") == true)
        }
    }

    @Test("a registry with TLS that redirects a tag to another one without it is not followed there")
    func downgrade() async throws {
        let files = try await LoopbackCertificate()
        defer { files.remove() }
        try await withServer { _, _ in
            .text("{}")
        } _: { other async throws in
            try await withRedirectingServer(files, from: "/v2/blog/manifests/v1", to: other.url) { host async throws in
                try await withRegistryClient(host, ca: files.certificate) { client async throws in
                    let error = try await registryError { try await client.image("blog", reference: "v1") }
                    #expect(error.kind == .insecure && !error.isTemporary, "\(error)")
                    #expect(
                        error.description
                            == "\(host) redirects to 127.0.0.1:\(other.port) without TLS, which is not followed")
                }
            }
            #expect(await other.requests.all.isEmpty)
        }
    }
}

/// The folders of images, for a server that was started before them.
private final class Folders: Sendable {
    private let all = Mutex<[String]>([])
    var last: String? { all.withLock { $0.last } }

    func add(_ folder: String) { all.withLock { $0.append(folder) } }
}
