import Foundation
import HTTPTransport
import ReleaseMachine

/// What a registry tells of an image.
package struct RegistryImage: Sendable, Hashable {
    /// The digest of what the tag points at: for several platforms, the index's.
    package var digest: String
    /// The commit that it was built from.
    package var commit: String?
    /// The URL of the source's repository, without credentials.
    package var source: String?
    /// When it was built. `nil` also where a reproducible build has set it to a fixed time.
    package var createdAt: Timestamp?
    /// `false` for what is stored like an image but cannot be run: a Helm chart, a signature, a list of ingredients.
    package var isImage: Bool

    package init(
        digest: String, commit: String? = nil, source: String? = nil, createdAt: Timestamp? = nil, isImage: Bool = true
    ) {
        self.digest = digest
        self.commit = commit
        self.source = source
        self.createdAt = createdAt
        self.isImage = isImage
    }

    /// Of labels and annotations, those that stand first count. `created` is the image configuration's own time, where none of them has one.
    init(digest: String, labels: [[String: String]], created: String?, isImage: Bool) {
        func label(_ name: String) -> String? {
            labels.lazy.compactMap { $0["org.opencontainers.image." + name] }.first { !$0.isEmpty }
        }
        self.init(
            digest: digest, commit: label("revision").flatMap(Self.commit),
            source: label("source").flatMap(Self.source),
            createdAt: (label("created").flatMap(Self.time) ?? created.flatMap(Self.time)), isImage: isImage)
    }

    /// A commit's name in any system of version control: one short word.
    private static func commit(_ text: String) -> String? {
        text.utf8.count <= 128 && text.utf8.allSatisfy { (0x21...0x7E).contains($0) } ? text : nil
    }

    private static func source(_ text: String) -> String? {
        guard text.utf8.count <= 2048, text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else { return nil }
        guard let separator = text.firstRange(of: "://") else {
            // git@git.local:group/blog.git
            return text.wholeMatch(of: /[\w.-]+@[\w.-]+:.+/) == nil ? nil : text
        }
        // CI systems clone with a token in the URL, and builds copy that URL.
        return ["http", "https", "git", "ssh"].contains(text[..<separator.lowerBound].lowercased())
            ? text.withoutUserInfo : nil
    }

    /// Reproducible builds set 1970 or 1980; there were no images before 2013.
    private static func time(_ text: String) -> Timestamp? {
        guard text.utf8.count <= 40,
            let date = (try? Date.ISO8601FormatStyle().parse(text))
                ?? (try? Date.ISO8601FormatStyle(includingFractionalSeconds: true).parse(text))
        else { return nil }
        let time = Timestamp(milliseconds: Int64((date.timeIntervalSince1970 * 1000).rounded(.down)))
        return time >= firstImages ? time : nil
    }

    private static let firstImages = Timestamp(milliseconds: 1_356_998_400_000)
}
