import Foundation
import ViridianConfiguration

/// Which names of a sender may go on: into comparisons with the apps' configuration, into images, links and pages.
package enum HookNames {
    /// A repository of a registry, as the OCI distribution specification has it: `group/blog`.
    static func repository(_ text: String?) -> String? {
        guard let text, let image = try? ImageReference("registry.local/\(text)"), image.repository == text,
            image.tag == nil, image.digest == nil
        else { return nil }
        return text
    }

    /// A registry's host with an optional port.
    static func host(_ text: String?) -> String? {
        guard let text, !text.contains("/") else { return nil }
        // A host without a dot and a port is a registry's only where a port follows.
        let isHost = [text, text + ":443"].contains { (host: String) in
            (try? ImageReference(host + "/blog"))?.registry == host
        }
        return isHost ? text : nil
    }

    /// The host of `harbor.domain.com/library/blog:v2`, with or without a scheme before it; not validated.
    static func host(ofImage name: String) -> String {
        let start = name.firstRange(of: "://")?.upperBound ?? name.startIndex
        return String(name[start...].prefix { $0 != "/" })
    }

    static func digest(_ text: String?) -> String? {
        text.flatMap { try? ImageReference("blog@\($0)") }?.digest
    }

    /// Whether a tag is a digest, as Harbor and Gitea write it for images without a tag.
    static func isDigest(_ tag: String) -> Bool {
        ["sha256:", "sha384:", "sha512:"].contains { tag.hasPrefix($0) }
    }

    /// Whether a tag is made of a digest: so cosign names signatures, attestations and lists of ingredients (`sha256-….sig`), and registries
    /// without a referrers API everything that refers to an image (OCI distribution specification 1.1).
    package static func refersToImage(_ tag: String) -> Bool {
        guard tag.hasPrefix("sha256-") || tag.hasPrefix("sha512-") else { return false }
        let digits = tag.utf8.dropFirst(7).prefix { isHexDigit($0) }.count
        return digits == (tag.hasPrefix("sha256-") ? 64 : 128)
    }

    /// The SHA of a commit, or its first characters, at least seven.
    static func commit(_ text: String?) -> String? {
        guard let text, (7...64).contains(text.utf8.count), text.utf8.allSatisfy(isHexDigit) else { return nil }
        return text
    }

    /// What the label `org.opencontainers.image.revision` says: a commit's name in any system of version control, which is one short word.
    static func revision(_ text: String?) -> String? {
        guard let text, (1...128).contains(text.utf8.count), text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            return nil
        }
        return text
    }

    /// The name of a branch or a tag (git-check-ref-format).
    static func ref(_ text: String?) -> String? {
        guard let text, (1...255).contains(text.utf8.count), !text.hasPrefix("-"), !text.contains(".."),
            text.unicodeScalars.allSatisfy({ isVisible($0) && !" ~^:?*[\\".unicodeScalars.contains($0) })
        else { return nil }
        return text
    }

    /// The path of a project: `group/blog`.
    static func project(_ text: String?) -> String? {
        guard let text, text.utf8.count <= 255 else { return nil }
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        let isPath = parts.allSatisfy { part in
            !part.isEmpty && !part.hasPrefix("-") && part != "." && part != ".."
                && part.utf8.allSatisfy { isLetterOrDigit($0) || "_.-".utf8.contains($0) }
        }
        return isPath && parts.count > 1 ? text : nil
    }

    /// The name of an environment: free text on one line.
    static func environment(_ text: String?) -> String? {
        guard let text, (1...255).contains(text.utf8.count),
            text.unicodeScalars.allSatisfy({ $0 == " " || isVisible($0) })
        else { return nil }
        return text
    }

    /// The address of a page or a repository, for a link; without one that has a password in it.
    static func url(_ text: String?) -> String? {
        guard let text, text.utf8.count <= 2048, text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }),
            let parts = URLComponents(string: text), ["http", "https"].contains(parts.scheme?.lowercased()),
            parts.host?.isEmpty == false, parts.user == nil, parts.password == nil
        else { return nil }
        return text
    }

    /// Who did it, as the sender names people; cut, and without characters that cannot be seen.
    static func person(_ text: String?) -> String? {
        guard let text else { return nil }
        let visible = text.unicodeScalars.lazy.filter { $0 == " " || isVisible($0) }.prefix(100)
        return visible.isEmpty ? nil : String(String.UnicodeScalarView(visible))
    }

    // MARK: - Characters

    private static func isVisible(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .spaceSeparator, .privateUse, .surrogate,
            .unassigned:
            false
        default: true
        }
    }

    private static func isHexDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
    }

    private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
            || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
    }
}
