import Testing

@testable import ReleaseMachine

@Suite("Which of two versions is older")
struct VersionOrderTests {
    @Test(
        "numbers in their names are compared",
        arguments: [
            ("1", "2"), ("9", "10"), ("v1.9.0", "v1.10.0"), ("1.2.3", "v1.2.4"), ("build-9", "build-17"),
            ("20151018.090000", "20151025.143403"), ("20151025.143403-1a2b3c4", "20151026.000000-0000000"),
            ("1.4.0-rc.1", "1.4.0"), ("1.4.0-rc2", "1.4.0-rc10"), ("1.4.0-alpha.1", "1.4.0-beta.1"),
            ("1.4.0-SNAPSHOT", "1.4.0"), ("1.4.0-rc.1+build.5", "1.4.0"), ("2026.11.25", "2026.11.26-1"),
            ("release_7", "release_8"),
        ])
    func numbers(_ lower: String, _ higher: String) throws {
        let (one, other) = (try #require(VersionNumber(lower)), try #require(VersionNumber(higher)))
        #expect(one.isLower(than: other) == true && other.isLower(than: one) == false)
    }

    @Test(
        "what only looks like a number, or is equal but for a commit, a name or a count, is not",
        arguments: [
            ("1.4.0-f3a9b2c", "1.4.0-1a2b3c4"), ("v1.4.0-10-g1a2b3c4", "v1.4.0-3-gf3a9b2c"),
            ("v1.4.0-3-gf3a9b2c", "v1.4.0"),
            ("2026.11.26-2", "2026.11.26"), ("1.4.0-alpine", "1.4.0"), ("1.2", "1.2.3"), ("blog-1", "shop-2"),
            ("1.4.0+5", "1.4.0+6"), ("20151025.143403-1a2b3c4", "20151025.143403-f3a9b2c"),
        ])
    func notComparable(_ one: String, _ other: String) throws {
        let (one, other) = (try #require(VersionNumber(one)), try #require(VersionNumber(other)))
        #expect(one.isLower(than: other) == nil && other.isLower(than: one) == nil)
    }

    @Test(
        "a commit, a name and a digest are no numbers",
        arguments: [
            "1a2b3c4", "1234567", "sha-1234567", "git_1234567", "latest", "master", "", "-1", ".1", "v", "1/2",
            "1234567890123456789012345678901234567890", "99999999999999999999",
        ])
    func noNumbers(_ text: String) {
        #expect(VersionNumber(text) == nil)
    }

    private func version(_ name: String, commit minute: Int64? = nil, pushed: Int64, _ digest: String? = nil)
        -> PushedVersion
    {
        func time(_ minutes: Int64) -> Timestamp { Story.start + .seconds(60 * minutes) }
        return PushedVersion(
            app: "blog", version: name, digest: digest, commitTime: minute.map(time), pushedAt: time(pushed),
            sender: "registry")
    }

    @Test("the times of the commits decide, else the numbers, else the arrivals")
    func criteria() {
        #expect(version("v2", commit: 1, pushed: 9).isOlder(than: version("v1", commit: 2, pushed: 0)) == .commitTime)
        #expect(version("v1", commit: 2, pushed: 0).isOlder(than: version("v2", commit: 1, pushed: 9)) == nil)
        #expect(version("v1", commit: 5, pushed: 9).isOlder(than: version("v2", pushed: 0)) == .number)
        #expect(version("aaa", pushed: 1).isOlder(than: version("bbb", pushed: 2)) == .arrival)
        #expect(version("bbb", pushed: 2).isOlder(than: version("aaa", pushed: 1)) == nil)
        #expect(version("v1", commit: 3, pushed: 1).isOlder(than: version("v1", commit: 3, pushed: 2)) == .arrival)
        var unknown = version("aaa", pushed: 0)
        unknown.pushedAt = Timestamp(milliseconds: 0)
        #expect(unknown.isOlder(than: version("bbb", pushed: 2)) == nil, "nobody told when it was pushed")
    }
}
