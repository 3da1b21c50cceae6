import Foundation
import Integrations
import TestSupport
import Testing

@Suite("The tags of a repository")
struct RegistryTagsTests {
    private func list(_ tags: some Sequence<String>, next: String? = nil) -> Reply {
        let names = tags.map { "\"\($0)\"" }.joined(separator: ",")
        return .text(#"{"name":"blog","tags":[\#(names)]}"#, headers: next.map { ["Link": $0] } ?? [:])
    }

    @Test("all pages are read, by the query of each link and at the registry itself, whatever host a link names")
    func pages() async throws {
        let links = [
            "</v2/blog/tags/list?last=b&n=2>; rel=\"next\"",
            "<http://evil.invalid/v2/other/tags/list?last=d%2B&n=2>; rel=next; title=\"a,b\"",
            "</v2/blog/tags/list?n=2>; rel=\"first\", <?last=f&n=2>;rel=\"next\"",
        ]
        try await withServer { _, number in
            number < 3
                ? list([["a", "b"], ["c", "d"], ["e", "f"]][number], next: links[number])
                : .text(#"{"name":"blog","tags":null}"#)
        } _: { server async throws in
            try await withRegistryClient("127.0.0.1:\(server.port)") { client async throws in
                #expect(try await client.tags("blog") == ["a", "b", "c", "d", "e", "f"])
                let asked = await server.requests.all
                #expect(asked.map(\.path) == Array(repeating: "/v2/blog/tags/list", count: 4))
                #expect(asked.map { $0.query["last"] } == [nil, "b", "d+", "f"])
            }
        }
    }

    @Test("a list without an end is given up after 200 pages or 100,000 tags")
    func endless() async throws {
        for size in [0, 1000] {
            try await withServer { _, number in
                list(
                    (0..<size).map { "v\(number).\($0)" }, next: "</v2/blog/tags/list?last=\(number)>; rel=\"next\"")
            } _: { server async throws in
                try await withRegistryClient("127.0.0.1:\(server.port)") { client async throws in
                    let error = try await registryError { try await client.tags("blog") }
                    #expect(error.kind == .tooLarge && !error.isTemporary, "\(error)")
                    #expect(await server.requests.all.count == (size == 0 ? 200 : 101))
                }
            }
        }
    }

    @Test("a list of 20,000 tags in one page is read")
    func many() async throws {
        try await withServer { _, _ in
            list((0..<20_000).map { "v\($0)" })
        } _: { server async throws in
            try await withRegistryClient("127.0.0.1:\(server.port)") { client async throws in
                #expect(try await client.tags("blog").count == 20_000)
            }
        }
    }

    @Test("what is no tag is left out")
    func noTags() async throws {
        let long = String(repeating: "v", count: 300)
        try await withServer { _, _ in
            list(["v1", long, "; rm -rf", "", "-v", "a/b", "v2\\n", "sha256:1", "ü", "_ok.-", "v1\\u0000"])
        } _: { server async throws in
            try await withRegistryClient("127.0.0.1:\(server.port)") { client async throws in
                #expect(try await client.tags("blog") == ["v1", "_ok.-"])
            }
        }
    }

    @Test("what is no list is an error")
    func noList() async throws {
        for text in ["{}", "[]", #"{"tags":["v1"]}"#, #"{"name":"blog","tags":"v1"}"#, "<html></html>"] {
            try await withServer { _, _ in
                .text(text)
            } _: { server async throws in
                try await withRegistryClient("127.0.0.1:\(server.port)") { client async throws in
                    let error = try await registryError { try await client.tags("blog") }
                    #expect(error.kind == .invalidAnswer, "\(text)")
                    #expect(error.description.hasSuffix("returned something that is not a list of the tags of blog"))
                }
            }
        }
    }
}
