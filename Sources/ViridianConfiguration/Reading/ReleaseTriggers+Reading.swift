extension ReleaseTriggers {
    init?(_ app: Section) {
        let keys = ["tags", "branches", "environments"]
        guard let section = app.section("releaseOn", known: keys) else { return nil }
        guard !app.isEmpty("releaseOn") else {
            app.report(
                "expected at least one of \(alternatives(keys)); without releaseOn, no hook starts a release",
                at: "releaseOn")
            return nil
        }
        self.init(
            tags: Self.patterns("tags", .pattern(of: "tags", isRef: true), section),
            branches: Self.patterns("branches", .pattern(of: "branches", isRef: true), section),
            environments: Self.patterns("environments", .pattern(of: "environments", isRef: false), section))
    }

    private static func patterns(_ key: String, _ kind: Kind<String>, _ section: Section) -> [String] {
        if section.isEmpty(key) {
            section.report("expected at least one pattern; without this key, no \(key) start a release", at: key)
        }
        return section.list(key, kind) ?? []
    }
}

extension Kind where Value == String {
    /// `isRef`: of names of Git, or tags of images, which allow less.
    fileprivate static func pattern(of names: String, isRef: Bool) -> Kind {
        Kind("a pattern for \(names), in which * stands for any characters and ? for one") { scalar throws(Mismatch) in
            let text = scalar.text
            guard !text.isEmpty, text.utf8.count <= 255, Grammar.isOneLine(text) else { throw Mismatch() }
            // GitHub's and GitLab's files have exclusions: taken literally, one would let through what it is meant to keep out.
            guard !text.hasPrefix("!") else {
                throw Mismatch(expected: "a pattern of what starts a release; there are no exclusions with !")
            }
            // What git-check-ref-format(1) forbids in a name can only be meant as a wildcard.
            guard !isRef || !text.contains(where: { " ~^:[\\".contains($0) }) else {
                throw Mismatch(expected: "a pattern for \(names) with no other wildcards than * and ?")
            }
            return text
        }
    }
}
