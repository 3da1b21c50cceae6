import Foundation
import Kubernetes

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The user whose rights a container's program has.
struct ContainerUser: Sendable, Equatable {
    var user: UInt32
    var group: UInt32
    var home: String

    private init(user: UInt32, group: UInt32, home: String) {
        self.user = user
        self.group = group
        self.home = home
    }

    /// The user of the container's or the pod's security context, otherwise the image's, otherwise root. The programs of this machine
    /// run as the sandbox's user, whatever is said there.
    /// - Throws: when the image does not have it, or `runAsNonRoot` forbids it; the messages are the kubelet's.
    init(_ image: ContainerImage, container: JSON, pod: JSON) throws(ContainerConfigError) {
        guard image.files != .thisMachine else {
            self.init(user: geteuid(), group: getegid(), home: NSHomeDirectory())
            return
        }
        func setting(_ key: String) -> JSON? {
            [container["securityContext"]?[key], pod[at: "spec.securityContext.\(key)"]].compactMap(\.self)
                .first { $0 != .null }
        }
        let chosen = setting("runAsUser")?.integer.map(String.init)
        try self.init(chosen ?? image.user ?? "0", files: image.files)
        if let number = setting("runAsGroup")?.integer, let group = UInt32(exactly: number) { self.group = group }
        if setting("runAsNonRoot")?.bool == true, user == 0 {
            throw ContainerConfigError(
                message: chosen == nil
                    ? "container has runAsNonRoot and image will run as root"
                    : "container's runAsUser breaks non-root policy")
        }
    }

    /// From `USER` or `USER:GROUP`, which are names of the image's `/etc/passwd` and `/etc/group`, or numbers.
    init(_ text: String, files: ImageFiles) throws(ContainerConfigError) {
        let parts = text.split(separator: ":", maxSplits: 1).map(String.init)
        let name = parts.first ?? "0"
        // name:password:number:group:comment:home:shell (passwd(5))
        let account = Self.lines("/etc/passwd", files).first { fields in
            fields.count > 5 && (fields[0] == name || (UInt32(name) != nil && fields[2] == name))
        }
        guard let user = UInt32(account?[2] ?? name) else {
            throw ContainerConfigError(message: "unable to find user \(name): no matching entries in passwd file")
        }
        self.user = user
        home = account?[5] ?? "/"
        guard parts.count > 1 else {
            group = UInt32(account?[3] ?? "0") ?? 0
            return
        }
        let entry = Self.lines("/etc/group", files).first { $0.count > 2 && $0[0] == parts[1] }
        guard let group = UInt32(entry?[2] ?? parts[1]) else {
            throw ContainerConfigError(message: "unable to find group \(parts[1]): no matching entries in group file")
        }
        self.group = group
    }

    private static func lines(_ path: String, _ files: ImageFiles) -> [[String]] {
        guard let place = files.find(path), let text = try? String(contentsOfFile: place, encoding: .utf8) else {
            return []
        }
        return text.split(separator: "\n").map {
            $0.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        }
    }
}
