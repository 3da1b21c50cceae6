/// How the sandbox runs an image.
package enum ImageBehavior: Sendable {
    /// The image's program runs. When the image has none, the container must have a command.
    case image(ContainerImage)
    /// The registry does not have the image: `ErrImagePull`, then `ImagePullBackOff`.
    case notFound
    /// The image is there and cannot be used, for this reason: `ErrImagePull`, then `ImagePullBackOff`.
    case unreadable(String)
    /// The pull times out this many times, then succeeds and runs `command`.
    case transient(failures: Int, command: [String])

    /// A program of this machine.
    package static func process(
        command: [String], arguments: [String] = [], environment: [String: String] = [:]
    ) -> ImageBehavior {
        .image(ContainerImage(command: command, arguments: arguments, environment: environment))
    }
}

/// The images that a sandbox can run.
///
/// The behaviour is looked up when a container starts, so that a catalogue can accept any tag:
///
///     ImageCatalog { image in
///         image.hasPrefix("registry.local:5000/blog:") ? .process(command: ["/usr/local/bin/blog"]) : nil
///     }
package struct ImageCatalog: Sendable {
    private let behavior: @Sendable (String) -> ImageBehavior?

    /// - Parameter behavior: the behaviour of an image reference; `nil` for unknown images.
    package init(_ behavior: @escaping @Sendable (_ image: String) -> ImageBehavior? = { _ in nil }) {
        self.behavior = behavior
    }

    /// Images that run this machine's programs: any tag of these runs the pod's `command`.
    private static let host: Set<String> = ["busybox", "alpine", "debian"]

    subscript(image: String) -> ImageBehavior {
        if let known = behavior(image) { return known }
        guard let reference = ImageName(image), reference.domain == "docker.io",
            Self.host.contains(reference.shortPath)
        else { return .notFound }
        // These images have no entry point and the command `sh`, which ends immediately without a terminal.
        return .process(command: [], arguments: ["sh"])
    }
}

/// A parsed image reference (`github.com/distribution/reference`).
struct ImageName: Sendable, CustomStringConvertible {
    var domain: String
    var path: String
    var tag: String?
    var digest: String?

    /// - Returns: `nil` for an invalid reference.
    init?(_ text: String) {
        var rest = Substring(text)
        if let at = rest.lastIndex(of: "@") {
            let digest = String(rest[rest.index(after: at)...])
            guard digest.contains(":"), !digest.hasSuffix(":") else { return nil }
            self.digest = digest
            rest = rest[..<at]
        }
        if let colon = rest.lastIndex(of: ":"), !rest[colon...].contains("/") {
            let tag = String(rest[rest.index(after: colon)...])
            guard Self.isTag(tag) else { return nil }
            self.tag = tag
            rest = rest[..<colon]
        }
        let parts = rest.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard let first = parts.first, !first.isEmpty else { return nil }
        let hasDomain = parts.count > 1 && (first.contains(".") || first.contains(":") || first == "localhost")
        domain = hasDomain ? first : "docker.io"
        let names = hasDomain ? Array(parts.dropFirst()) : parts
        guard !names.isEmpty, names.allSatisfy(Self.isPathPart) else { return nil }
        path = (hasDomain || names.count > 1 ? "" : "library/") + names.joined(separator: "/")
        if tag == nil, digest == nil { tag = "latest" }
    }

    /// In a registry on loopback.
    var isOnThisMachine: Bool {
        let host = domain.prefix { $0 != ":" }
        return host == "localhost" || host.hasPrefix("127.") || domain.hasPrefix("[::1]")
    }

    /// Without Docker Hub's `library/`.
    var shortPath: String { path.hasPrefix("library/") ? String(path.dropFirst(8)) : path }

    var description: String { "\(domain)/\(path)" + (tag.map { ":\($0)" } ?? "") + (digest.map { "@\($0)" } ?? "") }

    private static func isTag(_ text: String) -> Bool {
        guard let first = text.utf8.first, (1...128).contains(text.utf8.count), first != 45, first != 46 else {
            return false
        }
        return text.utf8.allSatisfy {
            isLower($0) || isDigit($0) || (65...90).contains($0) || [45, 46, 95].contains($0)
        }
    }

    private static func isPathPart(_ text: String) -> Bool {
        guard let first = text.utf8.first, let last = text.utf8.last else { return false }
        let isEdge = { (byte: UInt8) in isLower(byte) || isDigit(byte) }
        return isEdge(first) && isEdge(last) && text.utf8.allSatisfy { isEdge($0) || [45, 46, 95].contains($0) }
    }

    private static func isLower(_ byte: UInt8) -> Bool { (97...122).contains(byte) }
    private static func isDigit(_ byte: UInt8) -> Bool { (48...57).contains(byte) }
}
