import ReleaseMachine

/// Which events of hooks start a release: patterns in which `*` stands for any characters, `/` included and none at all, and `?` for one
/// character. An event that none of its list matches starts nothing.
package struct ReleaseTriggers: Sendable, Hashable {
    /// Tags of pushed images, and Git tags of pipelines.
    package var tags: [String]
    /// Branches of pipelines.
    package var branches: [String]
    /// Environments of requested deployments.
    package var environments: [String]

    package init(tags: [String] = [], branches: [String] = [], environments: [String] = []) {
        self.tags = tags
        self.branches = branches
        self.environments = environments
    }

    package func matches(tag: String) -> Bool { tags.contains { Wildcard.matches(tag, pattern: $0) } }
    package func matches(branch: String) -> Bool { branches.contains { Wildcard.matches(branch, pattern: $0) } }
    package func matches(environment: String) -> Bool {
        environments.contains { Wildcard.matches(environment, pattern: $0) }
    }
}

/// What becomes of a version that arrives while a release of the app runs.
package typealias WhenBusy = Admission.BusyPolicy

/// Patterns with `*` and `?`; every other character stands for itself.
enum Wildcard {
    /// In time proportional to the product of both lengths at most.
    static func matches(_ text: String, pattern: String) -> Bool {
        let text = Array(text.unicodeScalars)
        let pattern = Array(pattern.unicodeScalars)
        var (t, p) = (0, 0)
        // Where the last `*` is, and how far the text is that it stands for.
        var star: (pattern: Int, text: Int)?
        while t < text.count {
            if p < pattern.count, pattern[p] == "*" {
                star = (p, t)
                p += 1
            } else if p < pattern.count, pattern[p] == "?" || pattern[p] == text[t] {
                p += 1
                t += 1
            } else if let last = star {
                star = (last.pattern, last.text + 1)
                p = last.pattern + 1
                t = last.text + 1
            } else {
                return false
            }
        }
        return pattern[p...].allSatisfy { $0 == "*" }
    }
}
