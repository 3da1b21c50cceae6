/// The repository that an image was built from, as a place on a forge: GitHub, GitLab, Gitea, Forgejo.
///
/// Read from the label `org.opencontainers.image.source`, or from what a caller stated. User names, passwords, queries and fragments of the
/// URL are dropped: they may be secrets.
package struct SourceRepository: Sendable, Hashable {
    /// The host of the forge's pages, lower-case, with a port where the URL has one: `github.com`, `gitlab.domain.com:8443`.
    package let host: String
    /// `owner/name`, or `group/subgroup/name`.
    package let path: String
    private let scheme: String

    /// Understands `https://github.com/o/r(.git)`, `ssh://git@host:22/o/r.git`, `git@host:o/r.git` and `git+https://…`, also with what
    /// builders append: `/tree/main`, `/-/tree/main`, `#main:directory`. `nil` for anything else.
    package init?(_ text: String) {
        guard text.utf8.count <= 1000 else { return nil }
        let place = text.prefix { $0 != "?" && $0 != "#" }
        let authority: Substring
        var rest: Substring
        if let colon = place.firstRange(of: "://") {
            let kind = place[..<colon.lowerBound].lowercased()
            guard let scheme = Self.schemes[kind.hasPrefix("git+") ? String(kind.dropFirst(4)) : kind] else {
                return nil
            }
            self.scheme = scheme == "http" ? "http" : "https"
            let after = place[colon.upperBound...]
            let end = after.firstIndex(of: "/") ?? after.endIndex
            rest = after[end...]
            // The port of SSH says nothing of the pages' port.
            authority = scheme == "ssh" ? Self.withoutPort(after[..<end]) : after[..<end]
        } else if let colon = place.firstIndex(of: ":"), !place[..<colon].contains("/") {
            scheme = "https"
            authority = place[..<colon]
            rest = place[place.index(after: colon)...]
        } else {
            return nil
        }
        guard let host = Self.host(authority, scheme: scheme) else { return nil }
        if let end = rest.firstRange(of: "/-/") { rest = rest[..<end.lowerBound] }
        var names = rest.split(separator: "/").map(String.init)
        if host == "github.com" || Self.isPlaceInside(names.dropFirst(2)) { names = Array(names.prefix(2)) }
        if let last = names.last, last.hasSuffix(".git") { names[names.count - 1] = String(last.dropLast(4)) }
        guard (2...21).contains(names.count), names.allSatisfy(Self.isName) else { return nil }
        self.host = host
        path = names.joined(separator: "/")
    }

    /// `https://github.com/o/r`
    package var url: String { "\(scheme)://\(host)/\(path)" }

    /// The page that shows what changed between two commits; `nil` when they are the same, or not both commits.
    ///
    /// A host with `gitlab` in its name gets GitLab's form, any other GitHub's, which Gitea and Forgejo share, and which GitLab redirects to
    /// its own. Bitbucket has no page for two commits.
    package func compareURL(from old: String?, to new: String?) -> String? {
        guard let old, let new, Self.isCommit(old), Self.isCommit(new), !old.hasPrefix(new), !new.hasPrefix(old),
            host != "bitbucket.org"
        else { return nil }
        return "\(url)\(host.contains("gitlab") ? "/-" : "")/compare/\(old)...\(new)"
    }

    private static let schemes = [
        "https": "https", "http": "http", "git": "https", "ssh": "ssh",
    ]

    /// What follows owner and name is a place inside the repository; GitLab has no group of such a name.
    private static func isPlaceInside(_ names: ArraySlice<String>) -> Bool {
        guard let first = names.first, let second = names.dropFirst().first else { return false }
        return ["tree", "blob"].contains(first) || first == "src" && ["branch", "commit", "tag"].contains(second)
    }

    private static func withoutPort(_ authority: Substring) -> Substring {
        guard let colon = authority.lastIndex(of: ":"), authority[colon...].dropFirst().allSatisfy(\.isNumber) else {
            return authority
        }
        return authority[..<colon]
    }

    private static func host(_ authority: Substring, scheme: String) -> String? {
        let name = (authority.lastIndex(of: "@").map { authority[authority.index(after: $0)...] } ?? authority)
            .lowercased()
        let parts = name.split(separator: ":", omittingEmptySubsequences: false)
        guard let host = parts.first, !host.isEmpty, parts.count <= 2,
            host.utf8.allSatisfy({ isLetterOrDigit($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: ".") })
        else { return nil }
        guard parts.count == 2 else { return name }
        guard let port = UInt16(parts[1]) else { return nil }
        return port == (scheme == "http" ? 80 : 443) ? String(host) : name
    }

    private static func isName(_ name: String) -> Bool {
        name != "." && name != ".." && !name.isEmpty
            && name.utf8.allSatisfy { isLetterOrDigit($0) || "-_.~+".utf8.contains($0) }
    }

    /// A SHA of Git, whole or its first characters.
    private static func isCommit(_ text: String) -> Bool {
        (7...64).contains(text.utf8.count)
            && text.utf8.allSatisfy { (48...57).contains($0) || (97...102).contains($0) || (65...70).contains($0) }
    }

    private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
        (48...57).contains(byte) || (97...122).contains(byte) || (65...90).contains(byte)
    }
}

extension Release {
    /// The page that shows what the release changes: the commits between the live version and its own, or, for a rollback, those that it
    /// takes back. `nil` where the repository or a commit is not known, or something else was live than the journal knew.
    package var compareURL: String? {
        guard let live = order.live, previous.map({ $0.version == live.version }) ?? true,
            let repository = order.source.flatMap(SourceRepository.init)
        else { return nil }
        if order.isRollback { return repository.compareURL(from: order.commit, to: live.commit) }
        return repository.compareURL(from: live.commit, to: order.commit)
    }
}
