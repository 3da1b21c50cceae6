/// A version that was released, as a person names it: its tag and, of several images that had this tag, the beginning of one's digest:
/// `latest@sha256:45ec66bb`.
package struct VersionReference: Sendable, Hashable, CustomStringConvertible {
    package let version: Version
    /// The algorithm and at least 8 of the digest's hexadecimal digits; `nil`: any image that had the tag.
    package let digest: String?

    /// - Throws: `InvalidValue` for the field `version`.
    package init(_ text: String) throws(InvalidValue) {
        let parts = text.split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false)
        version = try Version(String(parts[0]))
        digest = parts.count == 2 ? String(parts[1]) : nil
        if let digest, !ImageReference.isBeginningOfDigest(digest) {
            throw InvalidValue(
                field: "version", expected: "a digest after @: sha256: and at least 8 hexadecimal digits", found: text)
        }
    }

    package init(_ version: Version) {
        self.version = version
        digest = nil
    }

    package var description: String { version.text + (digest.map { "@" + $0 } ?? "") }
}
