import ViridianConfiguration

/// Whether a pod's image is the release's image.
///
/// Admission webhooks rewrite images: they add a mirror's name or resolve a tag to its digest. They keep the last part of the name and
/// the tag; if only a digest is left, the pod's version label is compared.
struct ImageMatch {
    let wanted: String
    /// `app.kubernetes.io/version` of the release's pods.
    let versionLabel: String

    func matches(_ found: String, versionLabel label: String?) -> Bool {
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
