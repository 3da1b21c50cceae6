/// A version of an app that can be released: it was pushed to the app's registry, or a caller named it.
package struct PushedVersion: Sendable, Hashable, Codable {
    package var app: String
    /// The image's tag.
    package var version: String
    /// The image's digest, `sha256:…`: what is released, wherever the tag points by then. `nil` where only the tag is known.
    package var digest: String?
    /// The whole image, where it is not the tag in the app's repository.
    package var image: String?
    package var commit: String?
    package var commitTime: Timestamp?
    /// The URL of the source's repository.
    package var source: String?
    /// The branch or tag that it was built from.
    package var ref: String?
    /// The page of the build.
    package var url: String?
    /// When it was pushed; where nobody told, when it was built or first seen.
    package var pushedAt: Timestamp
    /// Who told of it: the sender of a hook, `deploy`, or `poll` for the list of the registry's tags.
    package var sender: String

    package init(
        app: String,
        version: String,
        digest: String? = nil,
        image: String? = nil,
        commit: String? = nil,
        commitTime: Timestamp? = nil,
        source: String? = nil,
        ref: String? = nil,
        url: String? = nil,
        pushedAt: Timestamp,
        sender: String
    ) {
        self.app = app
        self.version = version
        self.digest = digest
        self.image = image
        self.commit = commit
        self.commitTime = commitTime
        self.source = source
        self.ref = ref
        self.url = url
        self.pushedAt = pushedAt
        self.sender = sender
    }
}
