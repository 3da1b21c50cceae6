import TestSupport
import Testing
import ViridianConfiguration

@testable import Integrations

@Suite("The clients of all registries")
struct RegistryClientsTests {
    @Test("one client a registry, whatever name it has, and a default one for those that are not configured")
    func clients() async throws {
        let clients = RegistryClients([
            RegistryConfiguration(host: "registry.local:5000", plainHTTP: true),
            RegistryConfiguration(host: "index.docker.io", username: "ci", password: Secret(password)),
        ])
        func client(_ image: String) throws -> RegistryClient { try clients.client(for: ImageReference(image)) }
        #expect(try client("registry.local:5000/blog") === client("registry.local:5000/group/shop:v1"))
        #expect(try client("registry.local:5000/blog") !== client("registry.local/blog"))
        #expect(try client("blog") === client("docker.io/group/blog"))
        #expect(try client("REGISTRY.local:5000/blog").host == "registry.local:5000")
        #expect(try client("blog").host == "docker.io")
        await clients.shutdown()
        let error = try await registryError { try await client("blog").tags("blog") }
        #expect(error.kind == .cancelled)
    }

    @Test(
        "a registry is asked where container runtimes ask it",
        arguments: [
            ("docker.io", false, nil, "https://registry-1.docker.io", "library/blog"),
            ("registry.local:5000", false, nil, "https://registry.local:5000", "blog"),
            ("registry.local:5000", true, nil, "http://registry.local:5000", "blog"),
            ("localhost:5000", false, nil, "http://localhost:5000", "blog"),
            ("127.0.0.9", false, nil, "http://127.0.0.9", "blog"),
            ("[::1]:5000", false, nil, "http://[::1]:5000", "blog"),
            ("localhost:5000", false, "ca.pem", "https://localhost:5000", "blog"),
            ("localhost.domain.com", false, nil, "https://localhost.domain.com", "blog"),
            ("127.0.0.1.nip.io", false, nil, "https://127.0.0.1.nip.io", "blog"),
        ] as [(String, Bool, String?, String, String)])
    func addresses(_ host: String, plainHTTP: Bool, ca: String?, url: String, repository: String) {
        let address = RegistryAddress(RegistryConfiguration(host: host, plainHTTP: plainHTTP, ca: ca))
        #expect(address.url == url)
        #expect(address.repository("blog") == repository)
        #expect(address.repository("group/blog") == "group/blog")
    }

    @Test("a registry outside is asked through the proxy that the environment names")
    func proxy() async throws {
        try await withServer { _, _ in
            .text(#"{"name":"blog","tags":["v1"]}"#)
        } _: { server async throws in
            let port = server.port
            try await withConnectProxy(to: { $0 == "registry.invalid:80" ? port : nil }) { proxy in
                let client = RegistryClient(
                    RegistryConfiguration(host: "registry.invalid", plainHTTP: true),
                    environment: ["HTTP_PROXY": "http://127.0.0.1:\(proxy.port)"])
                #expect(try await client.tags("blog") == ["v1"])
                await client.shutdown()
                let broken = RegistryClient(
                    RegistryConfiguration(host: "registry.invalid", plainHTTP: true),
                    environment: ["HTTP_PROXY": "ftp://ci:\(password)@proxy.invalid"])
                let error = try await registryError { try await broken.tags("blog") }
                #expect(error.kind == .configuration)
            }
        }
    }
}
