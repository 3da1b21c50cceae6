import Testing

@testable import ReleaseMachine

@Suite("The repository that an image was built from")
struct SourceRepositoryTests {
    private let old = "1f2e3d4c5b6a79880011223344556677889900aa"
    private let new = "a1b2c3d4e5f60718293a4b5c6d7e8f9012345678"

    @Test(
        "its URL is read in every form that builders write",
        arguments: [
            ("https://github.com/mike/blog", "github.com", "mike/blog"),
            ("https://github.com/mike/blog.git", "github.com", "mike/blog"),
            ("https://github.com/mike/blog/", "github.com", "mike/blog"),
            ("https://GitHub.com/Mike/Blog", "github.com", "Mike/Blog"),
            ("https://github.com/mike/blog/tree/main/docker", "github.com", "mike/blog"),
            ("https://github.com/mike/blog.git#main:docker", "github.com", "mike/blog"),
            ("https://github.com/mike/blog?tab=readme", "github.com", "mike/blog"),
            ("https://x-access-token:ghs_secret@github.com/mike/blog.git", "github.com", "mike/blog"),
            ("git+https://github.com/mike/blog", "github.com", "mike/blog"),
            ("git://github.com/mike/blog.git", "github.com", "mike/blog"),
            ("git@github.com:mike/blog.git", "github.com", "mike/blog"),
            ("ssh://git@github.com/mike/blog.git", "github.com", "mike/blog"),
            ("ssh://git@gitlab.domain.com:2222/group/sub/blog.git", "gitlab.domain.com", "group/sub/blog"),
            ("git@gitlab.domain.com:group/sub/blog.git", "gitlab.domain.com", "group/sub/blog"),
            ("https://gitlab.domain.com/group/sub/blog/-/tree/main", "gitlab.domain.com", "group/sub/blog"),
            ("https://gitlab.domain.com:8443/group/blog", "gitlab.domain.com:8443", "group/blog"),
            ("https://gitlab.domain.com:443/group/blog", "gitlab.domain.com", "group/blog"),
            ("http://git.local/anna/blog/src/branch/main", "git.local", "anna/blog"),
        ])
    func forms(_ text: String, _ host: String, _ path: String) throws {
        let repository = try #require(SourceRepository(text))
        #expect(repository.host == host)
        #expect(repository.path == path)
        // What it gives is read as the same place.
        #expect(SourceRepository(repository.url) == repository)
    }

    @Test(
        "what is no repository's URL is none",
        arguments: [
            "", "blog", "mike/blog", "https://github.com", "https://github.com/mike", "ftp://github.com/mike/blog",
            "https:///mike/blog", "https://github.com/mike/..", "https://github.com/mike/<b>",
            "javascript:alert(1)/x/y",
            "https://git hub.com/mike/blog", "https://github.com:99999/mike/blog", "https://[::1]/mike/blog",
            "file:///home/mike/blog", "https://github.com/mike/blog\" onload=\"x",
        ])
    func noRepository(_ text: String) { #expect(SourceRepository(text) == nil) }

    @Test("secrets in it go nowhere")
    func secrets() throws {
        let repository = try #require(
            SourceRepository("https://anna:glpat-secret@gitlab.domain.com/group/blog?token=x#y"))
        #expect(repository.url == "https://gitlab.domain.com/group/blog")
    }

    @Test("two commits have a page on each forge")
    func comparePages() throws {
        func link(_ text: String) throws -> String? {
            try #require(SourceRepository(text)).compareURL(from: old, to: new)
        }
        #expect(try link("git@github.com:mike/blog.git") == "https://github.com/mike/blog/compare/\(old)...\(new)")
        #expect(
            try link("https://gitlab.domain.com/group/sub/blog.git")
                == "https://gitlab.domain.com/group/sub/blog/-/compare/\(old)...\(new)")
        #expect(try link("https://codeberg.org/anna/blog") == "https://codeberg.org/anna/blog/compare/\(old)...\(new)")
        #expect(try link("http://git.local:3000/a/b") == "http://git.local:3000/a/b/compare/\(old)...\(new)")
        #expect(try link("https://bitbucket.org/anna/blog") == nil)
    }

    @Test("there is none for one commit, for the same, and for what is no commit")
    func noPage() throws {
        let repository = try #require(SourceRepository("https://github.com/mike/blog"))
        for (from, to) in [
            (nil, new), (old, nil), (nil, nil), (new, new), (new, String(new.prefix(12))), (String(new.prefix(7)), new),
            (old, "main"), ("v1...v2", new), (old, "abc"), (old, "../../settings"),
        ] as [(String?, String?)] {
            #expect(repository.compareURL(from: from, to: to) == nil, "\(from ?? "-") \(to ?? "-")")
        }
        #expect(repository.compareURL(from: String(old.prefix(7)), to: String(new.prefix(7))) != nil)
    }

    @Test("a release links to what it changes: from the live commit to its own; a rollback to what it takes back")
    func releases() throws {
        func release(_ kind: Order.Kind, liveVersion: String, surveyed: String?) throws -> Release {
            var order = Order(
                app: "blog", number: 2, kind: kind, version: "v2", image: "blog:v2", requestedBy: "anna", commit: new,
                source: "https://github.com/mike/blog")
            order.live = Order.LiveCommit(version: liveVersion, commit: old)
            var release = try #require(
                Release(RecordedEvent(sequence: 1, at: Story.start, event: .requested(order))))
            if let surveyed {
                let survey = Story.survey(live: LiveVersion(color: .blue, version: surveyed))
                release.apply(RecordedEvent(sequence: 2, at: Story.start, event: .discovered(survey)))
            }
            return release
        }
        let page = "https://github.com/mike/blog/compare/"
        #expect(try release(.deploy, liveVersion: "v1", surveyed: nil).compareURL == "\(page)\(old)...\(new)")
        #expect(try release(.deploy, liveVersion: "v1", surveyed: "v1").compareURL == "\(page)\(old)...\(new)")
        #expect(
            try release(.rollback(from: 1), liveVersion: "v1", surveyed: "v1").compareURL == "\(page)\(new)...\(old)")
        // Something else was live than the journal knew.
        #expect(try release(.deploy, liveVersion: "v1", surveyed: "v0").compareURL == nil)
    }
}
