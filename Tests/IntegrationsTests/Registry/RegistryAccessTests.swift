import Foundation
import Integrations
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
                        == "\(registry.host) refuses the user and the password that are configured for \(registry.host)"
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
            }
            for (file, words) in [(own.directory + "/none.pem", "cannot be read from"), (own.key, "not readable PEM")] {
                try await withRegistryClient(registry.host, ca: file) { client async throws in
                    let error = try await registryError { try await client.image("blog", reference: "v1") }
                    #expect(error.kind == .configuration && error.description.contains(words), "\(error)")
                }
            }
        }
    }
}
