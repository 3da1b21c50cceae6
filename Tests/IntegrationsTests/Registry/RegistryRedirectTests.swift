import Foundation
import TestSupport
import Testing

@testable import Integrations

@Suite("Redirects and tokens of a registry")
struct RegistryRedirectTests {
    private static let config = #"{"config":{"Labels":{"org.opencontainers.image.revision":"abc"}}}"#
    private static let digest = ContentDigest.sha256(Data(config.utf8))
    private static let manifest = """
        {"schemaVersion":2,"config":{"mediaType":"application/vnd.oci.image.config.v1+json",\
        "digest":"\(digest)","size":\(config.utf8.count)},"layers":[]}
        """

    /// A registry that demands a password and redirects its blobs.
    private func registry(_ request: Received, to location: String) -> Reply {
        guard request.headers["authorization"] == basicAuthorization else {
            return Reply(status: 401, headers: ["WWW-Authenticate": "Basic realm=\"a, b\""])
        }
        guard request.path.contains("/blobs/") else { return .text(Self.manifest) }
        return Reply(status: 307, headers: ["Location": location])
    }

    @Test("a blob on another host is fetched there, without the credentials")
    func storage() async throws {
        try await withServer { _, _ in
            .text(Self.config)
        } _: { storage async throws in
            try await withServer { request, _ in
                registry(request, to: storage.url + "/bucket/blob?signature=a%2Bb")
            } _: { server async throws in
                try await withRegistryClient("127.0.0.1:\(server.port)", user: "ci", password: password) {
                    client async throws in
                    #expect(try await client.image("blog", reference: "v1")?.commit == "abc")
                }
                let asked = await storage.requests.all
                #expect(asked.count == 1 && asked.first?.headers["authorization"] == nil)
                #expect(asked.first?.query["signature"] == "a+b" && asked.first?.path == "/bucket/blob")
            }
        }
    }

    @Test("what the other host answers is told, with its name")
    func storageFails() async throws {
        for (status, kind) in [(403, RegistryError.Kind.invalidAnswer), (503, .serverError(status: 503))] {
            try await withServer { _, _ in
                Reply(status: status)
            } _: { storage async throws in
                try await withServer { request, _ in
                    registry(request, to: storage.url)
                } _: { server async throws in
                    let host = "127.0.0.1:\(server.port)"
                    try await withRegistryClient(host, user: "ci", password: password) { client async throws in
                        let error = try await registryError { try await client.image("blog", reference: "v1") }
                        #expect(error.kind == kind && error.host == host, "\(error)")
                        #expect(
                            error.description.hasPrefix(
                                "127.0.0.1:\(storage.port) (\(host) redirects to it) returned"))
                    }
                }
            }
        }
    }

    @Test("a redirect at the registry keeps the credentials; one without an end is given up")
    func atHome() async throws {
        try await withServer { request, _ in
            request.path == "/blob" && request.headers["authorization"] == basicAuthorization
                ? .text(Self.config) : registry(request, to: "/blob")
        } _: { server async throws in
            try await withRegistryClient("127.0.0.1:\(server.port)", user: "ci", password: password) {
                client async throws in
                #expect(try await client.image("blog", reference: "v1")?.commit == "abc")
            }
        }
        for location in ["/v2/blog/blobs/again", "ftp://127.0.0.1/x", "//", ""] {
            try await withServer { request, _ in
                registry(request, to: location)
            } _: { server async throws in
                try await withRegistryClient("127.0.0.1:\(server.port)", user: "ci", password: password) {
                    client async throws in
                    let error = try await registryError { try await client.image("blog", reference: "v1") }
                    #expect(error.kind == .invalidAnswer, "\(location): \(error)")
                    #expect(await server.requests.all.count <= 7)
                }
            }
        }
    }

    @Test("a host that sends a blob's question back to the registry gets no credentials sent along")
    func backAgain() async throws {
        try await withServer { request, _ in
            Reply(status: 302, headers: ["Location": "http://\(request.query["back"] ?? "")/back"])
        } _: { storage async throws in
            try await withServer { request, _ in
                request.path == "/back"
                    ? .text(Self.config)
                    : registry(request, to: "\(storage.url)/?back=\(request.authority)")
            } _: { server async throws in
                try await withRegistryClient("127.0.0.1:\(server.port)", user: "ci", password: password) {
                    client async throws in
                    #expect(try await client.image("blog", reference: "v1")?.commit == "abc")
                }
                let back = await server.requests.all.filter { $0.path == "/back" }
                #expect(back.count == 1 && back.first?.headers["authorization"] == nil)
            }
        }
    }

    @Test("one that redirects to HTTPS is configured wrongly, and the error says so")
    func upgrade() async throws {
        try await withServer { request, _ in
            Reply(status: 301, headers: ["Location": "https://127.0.0.1:1\(request.path)?n=1000"])
        } _: { server async throws in
            try await withRegistryClient("127.0.0.1:\(server.port)") { client async throws in
                let error = try await registryError { try await client.tags("blog") }
                #expect(error.kind == .configuration && !error.isTemporary)
                #expect(
                    error.description
                        == "127.0.0.1:\(server.port) redirects to HTTPS; configure it without plainHTTP")
            }
        }
    }

    @Test("a token is what the server grants: under either name, bounded, one line")
    func tokens() async throws {
        for (granted, works) in [
            (#"{"token":"granted-token"}"#, true), (#"{"access_token":"granted-token","expires_in":60}"#, true),
            (#"{"token":"granted-token\r\nX-Injected: 1"}"#, false), (#"{"token":""}"#, false), ("{}", false),
            ("<html>", false), (#"{"token":null}"#, false),
        ] {
            try await withServer { request, _ in
                if request.path == "/token" { return .text(granted) }
                guard request.headers["authorization"] == "Bearer granted-token" else {
                    let realm = "http://\(request.authority)/token?a=b"
                    return Reply(
                        status: 401,
                        headers: ["WWW-Authenticate": "Negotiate, Bearer realm=\"\(realm)\", service=\"a \\\"b\\\"\""])
                }
                return .text(#"{"name":"blog","tags":["v1"]}"#)
            } _: { server async throws in
                try await withRegistryClient("127.0.0.1:\(server.port)", user: "ci", password: password) {
                    client async throws in
                    if works {
                        #expect(try await client.tags("blog") == ["v1"])
                        let asked = await server.requests.all.filter { $0.path == "/token" }
                        #expect(
                            asked.map(\.query) == [["a": "b", "service": "a \"b\"", "scope": "repository:blog:pull"]])
                    } else {
                        let error = try await registryError { try await client.tags("blog") }
                        #expect(error.kind == .invalidAnswer, "\(granted): \(error)")
                    }
                }
            }
        }
    }

    @Test("a token that is refused is not asked for again and again")
    func refusedToken() async throws {
        try await withServer { request, _ in
            request.path == "/token"
                ? .text(#"{"token":"granted-token","expires_in":300}"#)
                : Reply(
                    status: 401,
                    headers: ["WWW-Authenticate": "Bearer realm=\"http://\(request.authority)/token\""])
        } _: { server async throws in
            try await withRegistryClient("127.0.0.1:\(server.port)", user: "ci", password: password) {
                client async throws in
                let error = try await registryError { try await client.tags("blog") }
                #expect(error.kind == .forbidden && !error.isTemporary, "\(error)")
                #expect(
                    await server.requests.all.map(\.path) == ["/v2/blog/tags/list", "/token", "/v2/blog/tags/list"])
            }
        }
    }

    @Test(
        "a challenge that cannot be answered is told",
        arguments: [
            "Negotiate", "Bearer", "Bearer realm=\"file:///etc/passwd\"", "Bearer realm=\"//\"", "Bearer realm=\"\"",
            "",
        ])
    func challenges(_ challenge: String) async throws {
        try await withServer { _, _ in
            Reply(status: 401, headers: ["WWW-Authenticate": challenge])
        } _: { server async throws in
            try await withRegistryClient("127.0.0.1:\(server.port)") { client async throws in
                let error = try await registryError { try await client.tags("blog") }
                #expect(error.kind == (challenge.isEmpty ? .credentialsRequired : .invalidAnswer), "\(error)")
            }
        }
    }
}
