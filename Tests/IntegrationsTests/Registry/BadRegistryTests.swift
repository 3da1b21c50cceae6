import Foundation
import Integrations
import TestSupport
import Testing

@testable import Integrations

@Suite("A registry that misbehaves")
struct BadRegistryTests {
    private static let manifestType = "application/vnd.oci.image.manifest.v1+json"

    /// The error for an image of a registry that always answers so.
    private func error(
        _ reply: Reply, deadline: Duration = .seconds(600), sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> RegistryError {
        try await withServer { _, _ in
            reply
        } _: { server async throws in
            try await withRegistryClient("127.0.0.1:\(server.port)", deadline: deadline) { client async throws in
                try await registryError(sourceLocation: sourceLocation) {
                    try await client.image("blog", reference: "v1")
                }
            }
        }
    }

    /// A manifest of a configuration with this digest and size.
    private static func manifest(_ digest: String, size: Int = 2) -> String {
        """
        {"schemaVersion":2,"mediaType":"\(manifestType)","config":{"mediaType":\
        "application/vnd.oci.image.config.v1+json","digest":"\(digest)","size":\(size)},"layers":[]}
        """
    }

    @Test("one that is not there: nobody listens, no such name")
    func down() async throws {
        let port = try unusedPort()
        try await withRegistryClient("127.0.0.1:\(port)") { client async throws in
            let error = try await registryError { try await client.image("blog", reference: "v1") }
            #expect(error.kind == .unreachable && error.isTemporary)
            #expect(error.description == "127.0.0.1:\(port) does not answer (connection refused)")
        }
        try await withRegistryClient("no-such-host.invalid") { client async throws in
            let error = try await registryError { try await client.tags("blog") }
            #expect(error.kind == .unreachable && error.isTemporary)
            #expect(error.description == "the host name of no-such-host.invalid does not resolve to an address")
        }
    }

    @Test("one that is slow is given up after the deadline, also in the middle of an answer")
    func slow() async throws {
        let error = try await error(
            Reply(steps: [.write("{"), .hang]), deadline: .milliseconds(300))
        #expect(error.kind == .noAnswer && error.isTemporary)
        #expect(error.description.hasSuffix("did not send a complete response within 300 ms"))
        #expect(try await self.error(Reply(steps: [.write("{"), .drop])).kind == .noAnswer)
    }

    @Test("429 says how long to wait, and until then nothing is asked")
    func tooManyRequests() async throws {
        try await withServer { _, number in
            number == 0
                ? Reply(status: 429, headers: ["Retry-After": "120"]) : .text(#"{"name":"blog","tags":["v1"]}"#)
        } _: { server async throws in
            let clock = MovableClock()
            try await withRegistryClient("127.0.0.1:\(server.port)", clock: clock) { client async throws in
                let first = try await registryError { try await client.image("blog", reference: "v1") }
                #expect(first.kind == .tooManyRequests && first.isTemporary && first.retryAfter == .seconds(120))
                #expect(first.description.hasSuffix("limits requests (429); retry in 120 s"))
                clock.pass(.seconds(100))
                let second = try await registryError { try await client.tags("shop") }
                #expect(second.kind == .tooManyRequests)
                #expect(try #require(second.retryAfter) <= .seconds(20))
                #expect(await server.requests.all.count == 1)
                clock.pass(.seconds(20))
                #expect(try await client.tags("blog") == ["v1"])
            }
        }
        // A registry cannot switch itself off for a day.
        try await withServer { _, _ in
            Reply(status: 429, headers: ["Retry-After": "86400"])
        } _: { server async throws in
            let clock = MovableClock()
            try await withRegistryClient("127.0.0.1:\(server.port)", clock: clock) { client async throws in
                _ = try await registryError { try await client.tags("blog") }
                clock.pass(.seconds(3600))
                _ = try await registryError { try await client.tags("blog") }
                #expect(await server.requests.all.count == 2)
            }
        }
    }

    @Test(
        "a status is what it says, and asked once",
        arguments: [
            (500, .serverError(status: 500), true), (503, .serverError(status: 503), true),
            (403, .forbidden, false), (401, .credentialsRequired, false), (418, .invalidAnswer, false),
            (301, .invalidAnswer, false), (204, .invalidAnswer, false),
        ] as [(Int, RegistryError.Kind, Bool)])
    func statuses(_ status: Int, _ kind: RegistryError.Kind, isTemporary: Bool) async throws {
        try await withServer { _, _ in
            Reply(status: status)
        } _: { server async throws in
            try await withRegistryClient("127.0.0.1:\(server.port)") { client async throws in
                let error = try await registryError { try await client.image("blog", reference: "v1") }
                #expect(error.kind == kind && error.isTemporary == isTemporary, "\(error)")
                #expect(error.description.contains("\(status)") || status == 401 || status == 301, "\(error)")
                #expect(await server.requests.all.count == 1)
            }
        }
    }

    @Test("what is no registry's answer is none: web pages, other JSON, no JSON, no text")
    func otherAnswers() async throws {
        let page = ["Content-Type": "text/html; charset=utf-8"]
        for reply in [
            .text("<html><body>Welcome to nginx!</body></html>", headers: page),
            .text("<html>not found</html>", status: 404, headers: page),
        ] as [Reply] {
            let error = try await error(reply)
            #expect(error.kind == .invalidAnswer && !error.isTemporary)
            #expect(error.description.contains("returned a web page"))
        }
        let both = #"{"schemaVersion":2,"config":{"mediaType":"a","digest":"b","size":1},"manifests":[]}"#
        for text in [
            "", "{}", "[]", "null", "{\"schemaVersion\":1}", #"{"schemaVersion":2}"#, both,
            #"{"schemaVersion":2,"manifests":[],"layers":[]}"#, String(repeating: "[", count: 1_000_000),
        ] {
            let error = try await error(.text(text))
            #expect(error.kind == .invalidAnswer, "\(text.prefix(80))")
            #expect(error.description.hasSuffix("returned something that is not a manifest of blog:v1"))
        }
        let bytes = Array(Self.manifest("sha256:\u{FF}").utf8).map { $0 == 0xC3 ? 0xFF : $0 }
        #expect(try await error(Reply(steps: [.writeBytes(bytes)])).kind == .invalidAnswer)
        let old = ["Content-Type": "application/vnd.docker.distribution.manifest.v1+prettyjws"]
        #expect(try await error(.text("{}", headers: old)).description.contains("Docker schema 1"))
    }

    @Test("content with another digest than promised is not believed")
    func digests() async throws {
        let empty = ContentDigest.sha256(Data("{}".utf8))
        let other = ContentDigest.sha256(Data("other".utf8))
        for promised in [other, "sha256:1", "md5:99914b932bd37a50b983c5e7c90ae93b", ""] {
            let reply = Reply.text(Self.manifest(empty), headers: ["Docker-Content-Digest": promised])
            #expect(try await error(reply).kind == .digestMismatch, "\(promised)")
        }
        try await withServer { request, _ in
            .text(request.path.contains("/blobs/") ? "{ }" : Self.manifest(empty))
        } _: { server async throws in
            try await withRegistryClient("127.0.0.1:\(server.port)") { client async throws in
                let byTag = try await registryError { try await client.image("blog", reference: "v1") }
                #expect(byTag.kind == .digestMismatch && !byTag.isTemporary)
                #expect(byTag.description.contains("the configuration of an image of blog"))
                let byDigest = try await registryError { try await client.image("blog", reference: other) }
                #expect(
                    byDigest.description.contains("returned content for blog@\(other) that does not match its digest"))
            }
        }
    }

    @Test("without a promised digest, the content's own is the image's")
    func noPromise() async throws {
        let manifest = Self.manifest(ContentDigest.sha256(Data("{}".utf8)))
        try await withServer { request, _ in
            .text(request.path.contains("/blobs/") ? "{}" : manifest)
        } _: { server async throws in
            try await withRegistryClient("127.0.0.1:\(server.port)") { client async throws in
                let image = try await client.image("blog", reference: "v1")
                #expect(image == RegistryImage(digest: ContentDigest.sha256(Data(manifest.utf8))))
            }
        }
    }

    @Test("bodies have bounds: 4 MiB for a manifest, 8 MiB for a configuration and for a page of tags")
    func huge() async throws {
        let large = String(repeating: " ", count: 5 << 20)
        #expect(try await error(.text(large)).kind == .tooLarge)
        // The size that a manifest claims is enough; one that lies is found out.
        for size in [9 << 20, 2] {
            try await withServer { request, _ in
                request.path.contains("/blobs/")
                    ? .text(large + large) : .text(Self.manifest(ContentDigest.sha256(Data()), size: size))
            } _: { server async throws in
                try await withRegistryClient("127.0.0.1:\(server.port)") { client async throws in
                    let error = try await registryError { try await client.image("blog", reference: "v1") }
                    #expect(error.kind == .tooLarge, "\(error)")
                    #expect(await server.requests.all.count == (size == 2 ? 2 : 1))
                    let tags = try await registryError { try await client.tags("blog") }
                    #expect(tags.kind == .invalidAnswer)
                }
            }
        }
        try await withServer { _, _ in
            .text(large + large)
        } _: { server async throws in
            try await withRegistryClient("127.0.0.1:\(server.port)") { client async throws in
                let error = try await registryError { try await client.tags("blog") }
                #expect(error.kind == .tooLarge && !error.isTemporary)
            }
        }
    }

    @Test("a cancelled question and one after the end are given up")
    func cancelled() async throws {
        try await withServer { _, _ in
            Reply(steps: [.write("{"), .hang])
        } _: { server async throws in
            try await withRegistryClient("127.0.0.1:\(server.port)") { client async throws in
                let question = Task { try await registryError { try await client.tags("blog") } }
                question.cancel()
                let error = try await question.value
                #expect(error.kind == .cancelled && error.isTemporary)
                await client.shutdown()
                let late = try await registryError { try await client.tags("blog") }
                #expect(late.kind == .cancelled)
            }
        }
    }
}
