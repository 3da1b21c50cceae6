import Controller
import ReleaseMachine
import Testing
import ViridianConfiguration

@Suite("A release of a version goes by digest")
struct DigestTests {
    private let site = Site()
    private let name = "registry.local:5000/blog"

    private static func digest(_ character: Character) -> String { "sha256:" + String(repeating: character, count: 64) }

    private func pushed(_ version: String, _ digest: Character?, commit: String? = nil) -> PushedVersion {
        PushedVersion(
            app: "blog", version: version, digest: digest.map { Self.digest($0) }, commit: commit,
            source: "https://gitlab.domain.com/web/blog", ref: "main", pushedAt: site.clock.now, sender: "registry")
    }

    /// A release that its process has left in the middle.
    private func interrupted(_ request: AppReleases.Request? = nil) async throws -> Release {
        site.journal.breaks(at: .init(at: 5, isWritten: true))
        let error = await errorText {
            if let request { try await deploy(request) } else { try await site.deploy("v1") }
        }
        #expect(error != nil)
        site.journal.breaks(at: nil)
        await site.world.die("anna@ci-1")
        return try #require(try await site.releases().latest())
    }

    @discardableResult
    private func deploy(_ request: AppReleases.Request, as me: String = "anna@ci-1") async throws -> Release {
        let releases = try site.releases(me)
        return try await site.clock.running {
            try await releases.deploy(request, until: .whenEnded) { _, _ in }
        }
    }

    @Test("that the journal knows, with the commit that it was built from; the newest of a tag that was moved")
    func known() async throws {
        site.journal.know(pushed("v1", "a", commit: "1a2b3c4"))
        site.journal.know(pushed("v1", "b", commit: "2b3c4d5"))
        let order = try await site.deploy("v1").order
        #expect(order.image == "\(name):v1@\(Self.digest("b"))" && order.digest == Self.digest("b"))
        #expect(order.commit == "2b3c4d5" && order.ref == "main")
        #expect(order.source == "https://gitlab.domain.com/web/blog")
    }

    @Test("that the registry says now, before what the journal knows")
    func present() async throws {
        site.journal.know(pushed("v1", "a", commit: "1a2b3c4"))
        var request = AppReleases.Request(version: try Version("v1"), by: "anna")
        request.digest = Self.digest("c")
        let order = try await deploy(request).order
        #expect(order.digest == Self.digest("c"))
        #expect(order.commit == nil, "it is the commit of another image")
    }

    @Test("or by its tag alone, where nothing is known")
    func unknown() async throws {
        site.journal.know(pushed("v2", "a"))
        site.journal.know(pushed("v1", nil, commit: "1a2b3c4"))
        let order = try await site.deploy("v1").order
        #expect(order.image == "\(name):v1" && order.digest == nil && order.commit == "1a2b3c4")
    }

    @Test("an image that is named is that image, whatever is known of the version")
    func named() async throws {
        site.journal.know(pushed("v1", "a", commit: "1a2b3c4"))
        for image in ["registry.local:5000/other:v1", "\(name):v9"] {
            let request = AppReleases.Request(version: try Version("v1"), image: try ImageReference(image), by: "anna")
            let order = try await deploy(request).order
            #expect(order.image == image && order.commit == nil)
        }
    }

    @Test("the same command resumes it wherever the tag points by then, and says so in advice")
    func resumed() async throws {
        site.journal.know(pushed("v1", "a"))
        let open = try await interrupted()
        #expect(open.order.digest == Self.digest("a"))
        site.journal.know(pushed("v1", "b"))
        #expect(open.order.deployCommand(for: try site.releases().app) == "viridian deploy blog --version v1")
        let release = try await site.deploy("v1", as: "ben@ci-2")
        #expect(release.order.number == 1 && release.state == .live && release.order.digest == Self.digest("a"))
    }

    @Test("with a named image only the same one resumes it")
    func resumedNamed() async throws {
        let image = try ImageReference("registry.local:5000/other:v1")
        let open = try await interrupted(AppReleases.Request(version: try Version("v1"), image: image, by: "anna"))
        #expect(
            open.order.deployCommand(for: try site.releases().app)
                == "viridian deploy blog --version v1 --image registry.local:5000/other:v1")
        await #expect(throws: Interrupted.self) { try await site.deploy("v1", as: "ben@ci-2") }
        let same = AppReleases.Request(version: try Version("v1"), image: image, by: "ben")
        #expect(try await deploy(same, as: "ben@ci-2").order.number == 1)
    }

    @Test("a rollback brings back the digest that was live")
    func rollback() async throws {
        site.journal.know(pushed("v1", "a"))
        try await site.deploy("v1")
        try await site.deploy("v2")
        site.journal.know(pushed("v1", "b"))
        let releases = try site.releases()
        let back = try await site.clock.running {
            try await releases.rollback(to: nil, by: "anna", reason: nil, until: .whenEnded) { _, _ in }
        }
        #expect(back.order.image == "\(name):v1@\(Self.digest("a"))")
    }

    private func rolledBack(to text: String? = nil) async throws -> Order {
        let (releases, version) = (try site.releases(), try text.map { try VersionReference($0) })
        return try await site.clock.running {
            try await releases.rollback(to: version, by: "anna", reason: nil, until: .whenEnded) { _, _ in }
        }.order
    }

    /// Each image of `latest` is live, one after the other.
    private func deployLatest(_ digests: Character...) async throws {
        for digest in digests {
            site.journal.know(pushed("latest", digest))
            try await site.deploy("latest")
        }
    }

    @Test("a rollback between two images of one tag, and again, goes back to what was before each")
    func rollbackOfTag() async throws {
        try await site.deploy("v1")
        try await deployLatest("a", "b", "b", "c")
        site.journal.know(pushed("latest", "d"))
        #expect(try await rolledBack().image == "\(name):latest@\(Self.digest("b"))")
        #expect(try await rolledBack().image == "\(name):latest@\(Self.digest("a"))")
        #expect(try await rolledBack().version == "v1")
    }

    @Test("the outcome of a release says which image of the tag serves now")
    func outcome() async throws {
        try await deployLatest("a")
        #expect(Outcome(try #require(try await site.releases().latest())).sentence.contains("latest serves"))
        try await deployLatest("b")
        #expect(
            Outcome(try #require(try await site.releases().latest())).sentence.contains(
                "latest (sha256:bbbbbbbb…) serves"))
    }

    @Test("a rollback to the live version's tag brings back its newest image that is not live")
    func rollbackToTag() async throws {
        try await deployLatest("a", "b", "c")
        #expect(try await rolledBack(to: "latest").digest == Self.digest("b"))
        #expect(try await rolledBack(to: "latest").digest == Self.digest("c"))
        try await site.deploy("v1")
        #expect(try await rolledBack(to: "latest").digest == Self.digest("c"))
    }

    @Test("a rollback to the beginning of a digest brings back that image")
    func rollbackToDigest() async throws {
        try await deployLatest("a", "b", "c")
        #expect(try await rolledBack(to: "latest@sha256:aaaaaaaa").digest == Self.digest("a"))
        #expect(
            await errorText { try await rolledBack(to: "latest@sha256:dddddddd") } == """
                version latest@sha256:dddddddd of blog was never live
                versions that were live: latest (sha256:aaaaaaaa…), latest (sha256:cccccccc…), latest (sha256:bbbbbbbb…)
                --to takes the beginning of a digest, too: --to latest@sha256:aaaaaaaa
                """)
        #expect(await errorText { try await rolledBack(to: "latest@sha256:aaaa") } != nil)
    }

    @Test("what was live by its tag alone is no other image than the one of the same tag")
    func rollbackOfUnknown() async throws {
        try await site.deploy("v1")
        try await site.deploy("latest")
        try await deployLatest("a")
        #expect(try await rolledBack().version == "v1")
    }

    @Test("where nothing was live before, the answer names the images of the tag")
    func nothingBefore() async throws {
        try await deployLatest("a", "b")
        #expect(try await rolledBack().digest == Self.digest("a"))
        #expect(try await rolledBack().version == World.oldVersion)
        let error = await errorText { try await rolledBack() }
        #expect(
            error == """
                blog has no version before \(World.oldVersion): name one with --to
                versions that were live: latest (sha256:aaaaaaaa…), latest (sha256:bbbbbbbb…)
                --to takes the beginning of a digest, too: --to latest@sha256:aaaaaaaa
                """)
    }
}
