import ViridianConfiguration

/// Whether an image that a pod runs is the one that a release asked for.
///
/// Admission webhooks rewrite images: a mirror's name comes in front of the repository's, a tag gets its digest. What they leave is the
/// last part of the name and the tag; where they leave a digest alone, the pod's version label has to tell.
struct ImageAgreement {
    let wanted: String
    /// `app.kubernetes.io/version` of the release's pods.
    let versionLabel: String

    func holds(for found: String, versionLabel label: String?) -> Bool {
        if found == wanted { return true }
        guard let found = try? ImageReference(found), let wanted = try? ImageReference(wanted),
            found.fullName == wanted.fullName || found.lastPart == wanted.lastPart
        else { return false }
        if let digest = wanted.digest { return found.digest == digest }
        if found.tag == nil, found.digest != nil { return label == versionLabel && !versionLabel.isEmpty }
        return (found.tag ?? "latest") == (wanted.tag ?? "latest")
    }
}

extension ImageReference {
    fileprivate var lastPart: Substring? { repository.split(separator: "/").last }
}
