import Foundation
import Integrations
import TestSupport
import Testing

@Suite("Tokens for a real registry", .enabled(if: TestRegistry.isThere, "\(TestRegistry.reason)"))
struct RegistryTokenTests {
    /// Runs a test with a registry that demands tokens, and the server that it demands them from.
    private func withTokens(
        tls: Bool = false, _ test: (TestRegistry, ScriptedServer, LoopbackCertificate) async throws -> Void
    ) async throws {
        let files = try await LoopbackCertificate()
        defer { files.remove() }
        let tokens = try TokenServer(files)
        try await withServer { request, _ in
            try tokens.answer(request)
        } _: { server async throws in
            var options = TestRegistry.Options()
            options.credentials = ("ci", password)
            options.tls = tls ? (files.certificate, files.key) : nil
            options.lines = TokenServer.configuration(realm: server.url + "/token", files)
            let registry = try await TestRegistry.start(options)
            do {
                try await test(registry, server, files)
                await registry.stop()
            } catch {
                await registry.stop()
                throw error
            }
        }
    }

    @Test("one token is asked for until it expires, with the credentials, for reading only")
    func tokens() async throws {
        try await withTokens { registry, server, _ async throws in
            let digest = try await registry.push(repository: "group/blog", tag: "v1")
            let pushed = await server.requests.all.count
            let clock = MovableClock()
            try await withRegistryClient(registry.host, user: "ci", password: password, clock: clock) {
                client async throws in
                #expect(try await client.image("group/blog", reference: "v1")?.digest == digest)
                #expect(try await client.tags("group/blog") == ["v1"])
                let asked = await server.requests.all.dropFirst(pushed)
                #expect(asked.map(\.query["scope"]) == ["repository:group/blog:pull"])
                #expect(asked.first?.headers["authorization"] == basicAuthorization)
                clock.pass(.seconds(271))
                #expect(try await client.tags("group/blog") == ["v1"])
                #expect(await server.requests.all.count == pushed + 2)
            }
        }
    }

    @Test("without credentials a public repository can be read, and for another the error says what is missing")
    func anonymous() async throws {
        try await withTokens { registry, server, _ async throws in
            try await registry.push(repository: "public/blog", tag: "v1")
            try await registry.push(repository: "blog", tag: "v1")
            let pushed = await server.requests.all.count
            try await withRegistryClient(registry.host) { client async throws in
                #expect(try await client.tags("public/blog") == ["v1"])
                let error = try await registryError { try await client.tags("blog") }
                #expect(error.kind == .credentialsRequired && !error.isTemporary)
                #expect(
                    error.description
                        == "\(registry.host) requires a user name and password for blog, and none are configured for "
                        + registry.host)
            }
            let asked = await server.requests.all.dropFirst(pushed)
            #expect(asked.allSatisfy { $0.headers["authorization"] == nil })
        }
    }

    @Test("a hundred requests at once are all answered")
    func parallel() async throws {
        try await withTokens { registry, _, _ async throws in
            let digest = try await registry.push(repository: "blog", tag: "v1")
            try await withRegistryClient(registry.host, user: "ci", password: password) { client async throws in
                let digests = try await withThrowingTaskGroup(of: String?.self) { group in
                    for _ in 0..<100 {
                        group.addTask { try await client.image("blog", reference: "v1")?.digest }
                    }
                    return try await group.reduce(into: []) { $0.append($1) }
                }
                #expect(digests == Array(repeating: digest, count: 100))
            }
        }
    }

    @Test("wrong credentials are refused by the token server, which the error names")
    func wrongCredentials() async throws {
        try await withTokens { registry, server, _ async throws in
            try await withRegistryClient(registry.host, user: "ci", password: "guessed") { client async throws in
                let error = try await registryError { try await client.tags("blog") }
                #expect(error.kind == .credentialsRefused && error.host == registry.host)
                #expect(
                    error.description
                        == "127.0.0.1:\(server.port) (token server of \(registry.host)) rejected the user name and password "
                        + "configured for \(registry.host)")
            }
        }
    }

    @Test("a registry with TLS gets no token from a server without it: nothing is sent there")
    func insecureRealm() async throws {
        try await withTokens(tls: true) { registry, server, files async throws in
            try await withRegistryClient(
                registry.host, user: "ci", password: password, ca: files.certificate
            ) { client async throws in
                let error = try await registryError { try await client.tags("blog") }
                #expect(error.kind == .insecure && !error.isTemporary)
                #expect(error.description.contains("127.0.0.1:\(server.port) without TLS"))
            }
            #expect(await server.requests.all.isEmpty)
        }
    }
}
