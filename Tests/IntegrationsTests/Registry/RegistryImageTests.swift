import Foundation
import Integrations
import ReleaseMachine
import TestSupport
import Testing

@Suite("Images at a real registry", .enabled(if: TestRegistry.isThere, "\(TestRegistry.reason)"))
struct RegistryImageTests {
    private static let labels = [
        "org.opencontainers.image.revision": "5b1c4e0f6a1d3d0f0a1b2c3d4e5f60718293a4b5",
        "org.opencontainers.image.source": "https://ci:glpat-x@git.local/group/blog",
        "org.opencontainers.image.created": "2026-03-01T12:00:00.123456789Z",
    ]

    private func withRegistry(_ test: (TestRegistry, RegistryClient) async throws -> Void) async throws {
        let registry = try await TestRegistry.start()
        do {
            try await withRegistryClient(registry.host) { try await test(registry, $0) }
            await registry.stop()
        } catch {
            await registry.stop()
            throw error
        }
    }

    @Test("a tag has a digest, a commit, a source without credentials and a time, and so has the digest itself")
    func tag() async throws {
        try await withRegistry { registry, client async throws in
            let digest = try await registry.push(repository: "group/blog", tag: "v1", labels: Self.labels)
            let expected = RegistryImage(
                digest: digest, commit: "5b1c4e0f6a1d3d0f0a1b2c3d4e5f60718293a4b5",
                source: "https://git.local/group/blog", createdAt: Timestamp(milliseconds: 1_772_366_400_123))
            #expect(try await client.image("group/blog", reference: "v1") == expected)
            #expect(try await client.image("group/blog", reference: digest) == expected)
            #expect(try await client.tags("group/blog") == ["v1"])
        }
    }

    @Test("a tag that moves is another image; the digest is still the one that was pushed first")
    func movedTag() async throws {
        try await withRegistry { registry, client async throws in
            let first = try await registry.push(repository: "blog", tag: "v1")
            let second = try await registry.push(repository: "blog", tag: "v1")
            #expect(first != second)
            #expect(try await client.image("blog", reference: "v1")?.digest == second)
            #expect(try await client.image("blog", reference: first)?.digest == first)
        }
    }

    @Test("what is not there is no error: a tag, a digest, a repository, a name that no registry can have")
    func missing() async throws {
        try await withRegistry { registry, client async throws in
            try await registry.push(repository: "blog", tag: "v1")
            let digest = "sha256:" + String(repeating: "0", count: 64)
            for reference in ["v2", digest, String(repeating: "v", count: 300), "; rm -rf /", "", "../v1", "sha256:1"] {
                #expect(try await client.image("blog", reference: reference) == nil, "\(reference)")
            }
            for repository in ["shop", "Blog", "../blog", "blog?", ""] {
                #expect(try await client.image(repository, reference: "v1") == nil, "\(repository)")
                let error = try await registryError { try await client.tags(repository) }
                #expect(error.kind == .noSuchRepository && !error.isTemporary)
                #expect(error.description == "\(registry.host) has no repository \(repository)")
            }
        }
    }

    @Test("of several platforms the index is the image, and linux/amd64 tells the commit; an attestation does not")
    func index() async throws {
        try await withRegistry { registry, client async throws in
            let layout = try registry.layout()
            let revision = "org.opencontainers.image.revision"
            var attestation = try layout.image(
                labels: [revision: "attestation"], platform: (os: "unknown", architecture: "unknown"))
            attestation.annotations = ["vnd.docker.reference.type": "attestation-manifest"]
            let arm = try layout.image(labels: [revision: "arm"], platform: (os: "linux", architecture: "arm64"))
            let amd = try layout.image(labels: [revision: "amd"])
            let index = try layout.index([attestation, arm, amd])
            let digest = try await registry.push(index, of: layout, repository: "blog", tag: "v1")
            #expect(digest == index.digest)
            let image = try await client.image("blog", reference: "v1")
            #expect(image?.digest == index.digest && image?.commit == "amd" && image?.isImage == true)

            // Without amd64, the first platform; without the annotation, unknown/unknown is none.
            attestation.annotations = nil
            try await registry.push(
                layout.index([attestation, arm]), of: layout, repository: "blog", tag: "v2")
            #expect(try await client.image("blog", reference: "v2")?.commit == "arm")
        }
    }

    @Test("annotations count where labels lack: the manifest's before the index's")
    func annotations() async throws {
        try await withRegistry { registry, client async throws in
            let layout = try registry.layout()
            let image = try layout.image(
                labels: ["org.opencontainers.image.revision": "label"],
                annotations: [
                    "org.opencontainers.image.revision": "annotation",
                    "org.opencontainers.image.source": "git@git.local:group/blog.git",
                ], created: "1970-01-01T00:00:00Z")
            let index = try layout.index(
                [image],
                annotations: [
                    "org.opencontainers.image.source": "https://other.local",
                    "org.opencontainers.image.created": "2026-03-01T13:00:00+01:00",
                ])
            try await registry.push(index, of: layout, repository: "blog", tag: "v1")
            #expect(
                try await client.image("blog", reference: "v1")
                    == RegistryImage(
                        digest: index.digest, commit: "label", source: "git@git.local:group/blog.git",
                        createdAt: Timestamp(milliseconds: 1_772_366_400_000)))
        }
    }

    @Test("the configuration's own time counts where no label has one, but not 1970, which reproducible builds set")
    func created() async throws {
        try await withRegistry { registry, client async throws in
            let layout = try registry.layout()
            for (tag, created) in [("old", "1980-01-01T00:00:01Z"), ("new", "2026-03-01T12:00:00Z"), ("odd", "soon")] {
                try await registry.push(layout.image(created: created), of: layout, repository: "blog", tag: tag)
            }
            let times = [
                try await client.image("blog", reference: "old"), try await client.image("blog", reference: "new"),
                try await client.image("blog", reference: "odd"),
            ].map { $0?.createdAt?.milliseconds }
            #expect(times == [nil, 1_772_366_400_000, nil])
        }
    }

    @Test("Docker's format is read as well")
    func dockersFormat() async throws {
        try await withRegistry { registry, client async throws in
            let layout = try registry.layout()
            let digest = try await registry.push(
                layout.image(labels: Self.labels), of: layout, repository: "blog", tag: "v1", inDockersFormat: true)
            let image = try await client.image("blog", reference: "v1")
            #expect(image?.digest == digest && image?.commit == Self.labels["org.opencontainers.image.revision"])
        }
    }

    @Test("a Helm chart has a digest and is no image")
    func chart() async throws {
        try await withRegistry { registry, client async throws in
            let layout = try registry.layout()
            let config = try layout.blob(
                Data(#"{"name":"blog","version":"1.0.0"}"#.utf8), "application/vnd.cncf.helm.config.v1+json")
            let chart = try layout.manifest(config: config)
            try await registry.push(chart, of: layout, repository: "blog", tag: "chart")
            #expect(
                try await client.image("blog", reference: "chart")
                    == RegistryImage(digest: chart.digest, isImage: false))
        }
    }

    @Test("labels of odd types and lengths are as if they were not there")
    func oddLabels() async throws {
        try await withRegistry { registry, client async throws in
            let layout = try registry.layout()
            for (tag, source) in [("v1", "javascript:alert(1)"), ("v2", "see the wiki"), ("v3", "https://a\u{1b}b")] {
                let labels = [
                    "org.opencontainers.image.source": source,
                    "org.opencontainers.image.revision": tag == "v1" ? "" : String(repeating: "a", count: 500),
                    "org.opencontainers.image.created": "yesterday",
                ]
                try await registry.push(
                    layout.image(labels: labels, created: "-"), of: layout, repository: "blog", tag: tag)
                let image = try #require(try await client.image("blog", reference: tag))
                #expect(image == RegistryImage(digest: image.digest))
            }
            let config = try layout.blob(
                Data(
                    #"{"created":1,"config":{"Labels":{"org.opencontainers.image.revision":"abc","n":1,"x":null}}}"#
                        .utf8),
                "application/vnd.oci.image.config.v1+json")
            try await registry.push(layout.manifest(config: config), of: layout, repository: "blog", tag: "v4")
            #expect(try await client.image("blog", reference: "v4")?.commit == "abc")
        }
    }
}
