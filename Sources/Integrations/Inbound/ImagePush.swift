import ReleaseMachine
import ViridianConfiguration

extension PushedImage {
    /// A pushed image from names that a sender wrote.
    ///
    /// - Throws: `Ignored` for what is no image with a tag, or has names that no registry allows.
    static func checked(
        host: String? = nil, repository: String?, tag: String?, digest: String? = nil, commit: String? = nil,
        source: String? = nil, at: Timestamp? = nil, by: String? = nil
    ) throws(Ignored) -> PushedImage {
        guard let repository else { throw Ignored("a push that names no repository") }
        guard let repository = HookNames.repository(repository) else {
            throw Ignored("a push to \(Excerpt.quoted(repository)), which is no name of a repository")
        }
        guard let tag, !tag.isEmpty else {
            throw Ignored(
                "a push to \(repository) without a tag: a platform's part of another image, an attestation, or an image by digest"
            )
        }
        guard !HookNames.isDigest(tag) else {
            throw Ignored(
                "a push to \(repository) with the digest \(Excerpt.quoted(tag, limit: 20)) for a tag: an image without one"
            )
        }
        guard let version = try? Version(tag) else {
            throw Ignored("a push to \(repository) with \(Excerpt.quoted(tag)), which is no tag of an image")
        }
        guard !HookNames.refersToImage(tag) else {
            throw Ignored("a push to \(repository) of a signature or an attestation of an image (\(tag.prefix(15))…)")
        }
        if let digest, HookNames.digest(digest) == nil {
            throw Ignored("a push of \(repository):\(version) with \(Excerpt.quoted(digest)), which is no digest")
        }
        return PushedImage(
            host: HookNames.host(host), repository: repository, tag: version.text, digest: digest,
            commit: HookNames.revision(commit), source: HookNames.url(source), at: at, by: HookNames.person(by))
    }
}
