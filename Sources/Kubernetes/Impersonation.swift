import HTTPTransport

/// The account that the API server is asked to impersonate: `as` of a kubeconfig's user.
/// https://kubernetes.io/docs/reference/access-authn-authz/authentication/#user-impersonation
package struct Impersonation: Sendable, Hashable {
    package var user: String
    package var uid: String?
    package var groups: [String]
    package var extra: [String: [String]]

    package init(user: String, uid: String? = nil, groups: [String] = [], extra: [String: [String]] = [:]) {
        self.user = user
        self.uid = uid
        self.groups = groups
        self.extra = extra
    }

    var headers: [(name: String, value: String)] {
        [("Impersonate-User", user)] + (uid.map { [("Impersonate-Uid", $0)] } ?? [])
            + groups.map { ("Impersonate-Group", $0) }
            + extra.sorted { $0.key < $1.key }.flatMap { key, values in
                values.map { ("Impersonate-Extra-" + Self.headerName(key), $0) }
            }
    }

    /// As in client-go, bytes that are not allowed in a header name are escaped as `%2F`, and `%` as `%25`.
    private static func headerName(_ key: String) -> String {
        key.utf8.map { byte in
            if letters.contains(byte) { return String(Unicode.Scalar(byte)) }
            let digits = String(byte, radix: 16, uppercase: true)
            return "%" + (digits.count < 2 ? "0" : "") + digits
        }.joined()
    }

    /// RFC 9110, 5.6.2, without `%`.
    private static let letters = Set(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$&'*+-.^_`|~".utf8)
}

extension Impersonation {
    /// nil for a user entry without `as`.
    init?(_ entry: KubeconfigEntry) throws(KubeconfigError) {
        let uid = try entry.string("as-uid")
        let groups = try entry.strings("as-groups")
        var extra: [String: [String]] = [:]
        if let values = try entry.entry("as-user-extra") {
            for key in values.keys { extra[key] = try values.strings(key) }
        }
        guard let user = try entry.string("as") else {
            guard uid == nil, groups.isEmpty, extra.isEmpty else {
                throw .unusableCredential(
                    path: entry.path, entry: entry.title,
                    problem: "as-uid, as-groups and as-user-extra require `as`")
            }
            return nil
        }
        self.init(user: user, uid: uid, groups: groups, extra: extra)
    }
}
