import Testing

@testable import ViridianConfiguration

@Suite("What starts a release")
struct ReleaseTriggersTests {
    @Test(
        "a pattern: * is any characters, ? is one, the rest is itself",
        arguments: [
            ("v*", ["v", "v1", "v1.2.3", "v/1", "vv"], ["", "V1", "xv1", " v1"]),
            ("release/*", ["release/", "release/1", "release/2026/11"], ["release", "releases/1", "x/release/1"]),
            ("*", ["", "a", "a/b", "🙂"], []),
            ("**", ["", "a/b"], []),
            ("feature/**", ["feature/a/b", "feature/"], ["feature"]),
            ("v?.?", ["v1.2", "v1.x"], ["v1.", "v12.3", "v1.22"]),
            ("?", ["a", "ä", "🙂"], ["", "ab"]),
            ("*-rc.?", ["v1-rc.1", "-rc.1", "a-rc.1-rc.2"], ["v1-rc.", "v1-rc.12", "v1rc.1"]),
            ("dev", ["dev"], ["Dev", "dev1", "adev", ""]),
            ("v1.0", ["v1.0"], ["v1x0", "v100"]),
            ("a+(b)|$^", ["a+(b)|$^"], ["aab", "a"]),
            ("*a*b*", ["ab", "xaybz", "aabb", "ba b"], ["ba", "a", "b"]),
            ("production*", ["production", "production/eu"], ["staging"]),
        ])
    func patterns(_ pattern: String, _ matching: [String], _ other: [String]) {
        for text in matching { #expect(Wildcard.matches(text, pattern: pattern), "\(text)") }
        for text in other { #expect(!Wildcard.matches(text, pattern: pattern), "\(text)") }
    }

    @Test("each list is for its own kind of event, and an empty one matches nothing")
    func kinds() {
        let triggers = ReleaseTriggers(tags: ["v*"], branches: ["dev", "release/*"], environments: ["production"])
        #expect(triggers.matches(tag: "v1") && !triggers.matches(tag: "dev"))
        #expect(triggers.matches(branch: "release/1") && triggers.matches(branch: "dev"))
        #expect(!triggers.matches(branch: "v1") && !triggers.matches(branch: "main"))
        #expect(triggers.matches(environment: "production") && !triggers.matches(environment: "staging"))
        let none = ReleaseTriggers()
        #expect(!none.matches(tag: "") && !none.matches(branch: "dev") && !none.matches(environment: "production"))
    }

    @Test("a pattern of many stars takes no longer than a product of two lengths")
    func hostile() {
        let pattern = String(repeating: "*a", count: 120) + "*b"
        #expect(!Wildcard.matches(String(repeating: "a", count: 255), pattern: pattern))
    }
}
