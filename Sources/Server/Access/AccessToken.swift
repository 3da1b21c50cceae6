import Crypto
import Foundation
import Journal
import ReleaseMachine

/// An access token: 256 random bits behind `vir_`, so that scanners for leaked secrets know it. Only its hash is kept.
package struct AccessToken: Sendable {
    package let text: String

    /// A new one.
    package init() {
        text = "vir_" + randomText()
    }

    /// One that somebody brings; `nil` when it cannot be one.
    package init?(_ text: String) {
        guard text.hasPrefix("vir_"), text.utf8.count == 47 else { return nil }
        self.text = text
    }

    /// A hash without salt is enough: there is nothing to guess in 256 random bits.
    package var hash: [UInt8] { Array(SHA256.hash(data: Data(text.utf8))) }
}

/// Makes tokens, keeps their hashes, and tells the audit log. `by` and `bearing` are who asks: a name, and the id of their token where
/// they have one.
package struct TokenOffice: Sendable {
    private let journal: Journal

    package init(journal: Journal) {
        self.journal = journal
    }

    /// - Returns: the record, and the token itself, which nobody can show again.
    package func create(
        name: String,
        role: Role,
        apps: [String]? = nil,
        expiresAt: Timestamp? = nil,
        by: String,
        bearing caller: String? = nil,
        origin: String,
        at now: Timestamp
    ) throws(JournalError) -> (record: TokenRecord, token: AccessToken) {
        let token = AccessToken()
        let record = TokenRecord(
            id: "tok_" + randomText().filter { $0.isLetter || $0.isNumber }.lowercased().prefix(10),
            name: name,
            role: role,
            apps: apps,
            createdAt: now,
            createdBy: by,
            expiresAt: expiresAt
        )
        let scope = apps.map { " for \($0.joined(separator: ", "))" } ?? ""
        let act = AuditEntry(
            at: now, who: by, token: caller, action: "token.create", origin: origin,
            detail: "\(record.id) \(name): \(role.rawValue)\(scope)")
        try journal.add(record, hash: token.hash, act: act)
        return (record, token)
    }

    /// - Returns: false when there is no such token that is still good.
    package func revoke(
        _ id: String, by: String, bearing caller: String? = nil, origin: String, at now: Timestamp
    ) throws(JournalError) -> Bool {
        let act = AuditEntry(at: now, who: by, token: caller, action: "token.revoke", origin: origin, detail: id)
        return try journal.revokeToken(id: id, at: now, act: act)
    }
}

/// 256 random bits from the system's generator, as 43 characters of base64url.
func randomText() -> String {
    var generator = SystemRandomNumberGenerator()
    let bytes = (0..<32).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
    return Data(bytes).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing(
        "=", with: "")
}
