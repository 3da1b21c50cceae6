/// A version that counts: `42`, `v1.10.2`, `1.4.0-rc.1`, `20151025.143403-1a2b3c4`, `build-17`.
///
/// The last part is compared only where the number is a semantic version (semver.org, section 11): elsewhere it is a commit or a name.
package struct VersionNumber: Sendable, Hashable {
    /// What stands before the number, without a leading `v`: numbers after different words are not comparable.
    var word: Substring
    var components: [Int]
    var rest: Substring

    /// `nil` where there is no number at the beginning, or after one word and a `-` or `_`.
    package init?(_ text: String) {
        var remaining = text[...]
        if let first = remaining.first, "vV".contains(first), remaining.dropFirst().first?.isASCIIDigit == true {
            remaining = remaining.dropFirst()
            word = ""
        } else {
            word = remaining.prefix { $0.isASCII && $0.isLetter }
            remaining = remaining.dropFirst(word.count)
            if !word.isEmpty {
                guard let separator = remaining.first, "-_".contains(separator) else { return nil }
                remaining = remaining.dropFirst()
            }
        }
        components = []
        while true {
            let digits = remaining.prefix(while: \.isASCIIDigit)
            guard !digits.isEmpty, let number = Int(digits) else { break }
            components.append(number)
            remaining = remaining.dropFirst(digits.count)
            guard remaining.first == ".", remaining.dropFirst().first?.isASCIIDigit == true else { break }
            remaining = remaining.dropFirst()
        }
        guard !components.isEmpty, remaining.isEmpty || "-+._".contains(remaining[remaining.startIndex]) else {
            return nil
        }
        rest = remaining
    }

    /// Whether this is lower than `other`; `nil` where they cannot be compared, or are equal.
    package func isLower(than other: VersionNumber) -> Bool? {
        guard word == other.word, components.count == other.components.count else { return nil }
        for (mine, theirs) in zip(components, other.components) where mine != theirs { return mine < theirs }
        guard components.count == 3 else { return nil }
        return Self.isLower(preRelease(), than: other.preRelease())
    }

    private func preRelease() -> [Substring] {
        guard rest.first == "-" else { return [] }
        return rest.dropFirst().prefix { $0 != "+" }.split(separator: ".", omittingEmptySubsequences: false)
    }

    private static func isLower(_ mine: [Substring], than theirs: [Substring]) -> Bool? {
        guard mine != theirs else { return nil }
        // A version without a pre-release is higher than one with.
        if mine.isEmpty || theirs.isEmpty { return theirs.isEmpty }
        for (one, other) in zip(mine, theirs) where one != other {
            switch (Int(one), Int(other)) {
            case (let one?, let other?): return one < other
            case (nil, nil): return one < other
            // Numbers are lower than words.
            case (let one, _): return one != nil
            }
        }
        return mine.count < theirs.count
    }
}

extension Character {
    fileprivate var isASCIIDigit: Bool { isASCII && isWholeNumber }
}
