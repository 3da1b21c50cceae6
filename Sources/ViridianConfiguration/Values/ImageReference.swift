/// The name of a container image: `registry.local:5000/blog:20151025.143403@sha256:…`.
///
/// The grammar is that of the OCI distribution specification; the end of the registry is determined as in
/// github.com/distribution/reference.
package struct ImageReference: Sendable, Hashable {
    /// A host with an optional port; `nil` is the container runtime's default registry.
    package let registry: String?
    package let repository: String
    package let tag: String?
    /// Algorithm and hexadecimal digits: `sha256:…`.
    package let digest: String?

    /// - Throws: `InvalidValue` for the field `image`.
    package init(_ text: String) throws(InvalidValue) {
        func refuse(_ expected: String) -> InvalidValue {
            InvalidValue(field: "image", expected: expected, found: text)
        }
        var rest = text[...]
        if let at = rest.firstIndex(of: "@") {
            digest = String(rest[rest.index(after: at)...])
            rest = rest[..<at]
        } else {
            digest = nil
        }
        if let colon = rest.lastIndex(of: ":"), !rest[colon...].contains("/") {
            tag = String(rest[rest.index(after: colon)...])
            rest = rest[..<colon]
        } else {
            tag = nil
        }
        if let slash = rest.firstIndex(of: "/"), Self.namesRegistry(rest[..<slash]) {
            registry = String(rest[..<slash])
            repository = String(rest[rest.index(after: slash)...])
        } else {
            registry = nil
            repository = String(rest)
        }
        if let registry, !Self.isRegistry(registry) {
            throw refuse("an image whose registry is a host with an optional port")
        }
        let components = repository.split(separator: "/", omittingEmptySubsequences: false)
        guard rest.utf8.count <= 255, components.allSatisfy({ Self.isPathComponent($0) }) else {
            throw refuse("an image name such as registry.local:5000/blog, in lower case")
        }
        if let tag, !Grammar.isTag(tag) { throw refuse("an image whose tag is \(Version.expected)") }
        if let digest, !Self.isDigest(digest) {
            throw refuse("an image whose digest is sha256: and 64 hexadecimal digits")
        }
    }

    private init(registry: String?, repository: String, tag: String?, digest: String? = nil) {
        self.registry = registry
        self.repository = repository
        self.tag = tag
        self.digest = digest
    }

    /// Registry and repository, without tag and digest.
    package var name: String { (registry.map { $0 + "/" } ?? "") + repository }

    /// The full name as container runtimes complete it: `blog`, `library/blog` and `index.docker.io/library/blog` are the same.
    package var fullName: String {
        let host = registry?.lowercased() ?? "docker.io"
        guard ["docker.io", "index.docker.io"].contains(host) else { return host + "/" + repository }
        return "docker.io/" + (repository.contains("/") ? repository : "library/" + repository)
    }

    /// The image of this name that has the version as its tag.
    package func tagged(_ version: Version) -> ImageReference {
        ImageReference(registry: registry, repository: repository, tag: version.text)
    }

    /// The same with a digest, which container runtimes pull, wherever the tag points; without one, the tag alone.
    package func tagged(_ version: Version, digest: String?) throws(InvalidValue) -> ImageReference {
        if let digest, !Self.isDigest(digest) {
            throw InvalidValue(field: "digest", expected: "sha256: and 64 hexadecimal digits", found: digest)
        }
        return ImageReference(registry: registry, repository: repository, tag: version.text, digest: digest)
    }

    /// Whether the first part of a name is a registry: it could not be a repository of the default registry.
    private static func namesRegistry(_ text: Substring) -> Bool {
        text == "localhost" || text.contains(".") || text.contains(":") || text.utf8.contains(where: Grammar.isUpper)
    }

    /// A host name or an address, with an optional port.
    static func isRegistry(_ text: String) -> Bool {
        if text.hasPrefix("[") {
            guard let end = text.firstIndex(of: "]") else { return false }
            let port = text[text.index(after: end)...]
            return Grammar.isIPv6(String(text[text.index(after: text.startIndex)..<end]))
                && (port.isEmpty || port.first == ":" && isPort(port.dropFirst()))
        }
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        return parts.count <= 2 && Grammar.isDNSName(parts[0]) && (parts.count == 1 || isPort(parts[1]))
    }

    private static func isPort(_ text: Substring) -> Bool {
        Int(decimal: String(text)).map { (1...65535).contains($0) } ?? false
    }

    /// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`
    private static func isPathComponent(_ text: Substring) -> Bool {
        func isWord(_ byte: UInt8) -> Bool { Grammar.isLower(byte) || Grammar.isDigit(byte) }
        guard let first = text.utf8.first, let last = text.utf8.last, isWord(first), isWord(last) else { return false }
        let separators = text.utf8.split(whereSeparator: isWord)
        return separators.allSatisfy { separator in
            let separator = String(decoding: separator, as: UTF8.self)
            return [".", "_", "__"].contains(separator) || separator.utf8.allSatisfy { $0 == UInt8(ascii: "-") }
        }
    }

    private static func isDigest(_ text: String) -> Bool {
        guard let parts = digestParts(text) else { return false }
        return parts.digits.utf8.count == parts.length
    }

    static func isBeginningOfDigest(_ text: String) -> Bool {
        guard let parts = digestParts(text) else { return false }
        return (8...parts.length).contains(parts.digits.utf8.count)
    }

    /// The hexadecimal digits of a digest, and how many the whole one has.
    private static func digestParts(_ text: String) -> (digits: Substring, length: Int)? {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        let lengths = ["sha256": 64, "sha384": 96, "sha512": 128]
        guard parts.count == 2, let length = lengths[String(parts[0])] else { return nil }
        let isHexadecimal = parts[1].utf8.allSatisfy {
            Grammar.isDigit($0) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains($0)
        }
        return isHexadecimal ? (parts[1], length) : nil
    }
}

extension ImageReference: CustomStringConvertible {
    package var description: String {
        name + (tag.map { ":" + $0 } ?? "") + (digest.map { "@" + $0 } ?? "")
    }
}
