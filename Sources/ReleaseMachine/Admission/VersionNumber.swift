/// A version that counts: `42`, `v1.10.2`, `1.4.0-rc.1`, `20151025.143403-1a2b3c4`, `build-17`.
///
/// What follows the number is compared only where it names a stage before the version, such as `rc.1` and `beta2` (semver.org, section 11):
/// elsewhere it is a commit, a name, or a count of something else.
package struct VersionNumber: Sendable, Hashable {
    /// What stands before the number, without a leading `v`: numbers after different words are not comparable.
    private var word: Substring
    private var components: [Int]
    /// `nil`: something follows that is no stage.
    private var stage: Stage?

    /// Words of which the text behind them is a commit, which may consist of digits.
    private static let commits: Set<String> = ["sha", "git", "commit", "rev"]
    /// A commit's SHA, whole or as Git shortens it, may consist of digits only.
    private static let lengthsOfCommits: Set<Int> = [7, 40]

    /// `nil` where there is no number at the beginning, or after one word and a `-` or `_`, and where it may be a commit.
    package init?(_ text: String) {
        var remaining = text[...]
        if let first = remaining.first, "vV".contains(first), remaining.dropFirst().first?.isASCIIDigit == true {
            remaining = remaining.dropFirst()
            word = ""
        } else {
            word = remaining.prefix { $0.isASCII && $0.isLetter }
            remaining = remaining.dropFirst(word.count)
            if !word.isEmpty {
                guard let separator = remaining.first, "-_".contains(separator),
                    !Self.commits.contains(word.lowercased())
                else { return nil }
                remaining = remaining.dropFirst()
            }
        }
        let whole = remaining
        components = []
        while true {
            let digits = remaining.prefix(while: \.isASCIIDigit)
            guard !digits.isEmpty, let number = Int(digits) else { break }
            components.append(number)
            remaining = remaining.dropFirst(digits.count)
            guard remaining.first == ".", remaining.dropFirst().first?.isASCIIDigit == true else { break }
            remaining = remaining.dropFirst()
        }
        guard let first = remaining.first else {
            guard components.count > 1 || !Self.lengthsOfCommits.contains(whole.count), !components.isEmpty else {
                return nil
            }
            stage = Stage.released
            return
        }
        guard !components.isEmpty, "-+._".contains(first) else { return nil }
        stage = first == "-" ? Stage(remaining.dropFirst()) : first == "+" ? Stage.released : nil
    }

    /// Whether this is lower than `other`; `nil` where they cannot be compared, or are equal.
    package func isLower(than other: VersionNumber) -> Bool? {
        guard word == other.word, components.count == other.components.count else { return nil }
        for (mine, theirs) in zip(components, other.components) where mine != theirs { return mine < theirs }
        guard let stage, let theirs = other.stage, stage != theirs else { return nil }
        return stage < theirs
    }
}

/// How far a version is before its release: `alpha.1`, `rc2`, and the release itself.
private struct Stage: Sendable, Hashable, Comparable {
    private var rank: Int
    private var count: Int

    private static let words = [
        "dev", "snapshot", "alpha", "a", "beta", "b", "preview", "pre", "m", "milestone", "rc", "cr",
    ]

    static let released = Stage(rank: .max, count: 0)

    private init(rank: Int, count: Int) {
        self.rank = rank
        self.count = count
    }

    /// A word that names a stage, with a number or without one, and with nothing else behind it but a build's metadata.
    init?(_ text: Substring) {
        let text = text.prefix { $0 != "+" }.lowercased()
        let word = text.prefix { $0.isLetter }
        guard let rank = Self.words.firstIndex(of: String(word)) else { return nil }
        let number = text.dropFirst(word.count).drop { $0 == "." || $0 == "-" }
        guard number.isEmpty || Int(number) != nil else { return nil }
        self.init(rank: rank, count: Int(number) ?? 0)
    }

    static func < (one: Stage, other: Stage) -> Bool { (one.rank, one.count) < (other.rank, other.count) }
}

extension Character {
    fileprivate var isASCIIDigit: Bool { isASCII && isWholeNumber }
}
