import Crypto
import Foundation
import Journal
import ReleaseMachine

/// An access token: `vir_` and 256 random bits as base64url. Scanners for leaked secrets recognize the prefix. Only the hash is stored.
package struct AccessToken: Sendable {
    package let text: String

    /// A new token.
    package init() {
        text = "vir_" + randomText()
    }

    /// A token from a request; `nil` when it has another format.
    package init?(_ text: String) {
        guard text.hasPrefix("vir_"), text.utf8.count == 47 else { return nil }
        self.text = text
    }

    /// SHA-256. 256 random bits need no salt.
    package var hash: [UInt8] { Array(SHA256.hash(data: Data(text.utf8))) }
}

/// Creates and revokes tokens, and writes that to the audit log. `by` and `bearing` are the caller's name and token id, if any.
package struct TokenIssuer: Sendable {
    private let journal: Journal

    package init(journal: Journal) {
        self.journal = journal
    }

    /// - Returns: the record, and the token itself, which is not stored.
    package func create(
        name: String,
        role: Role,
        apps: [String]? = nil,
        expiresAt: Timestamp? = nil,
        by: String,
        bearing caller: String? = nil,
        origin: String,
        at now: Timestamp
    ) async throws(JournalError) -> (record: TokenRecord, token: AccessToken) {
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
        let entry = AuditEntry(
            at: now, who: by, token: caller, action: "token.create", origin: origin,
            detail: "\(record.id) \(name): \(role.rawValue)\(scope)")
        try await journal.add(record, hash: token.hash, audit: entry)
        return (record, token)
    }

    /// - Returns: false when there is no such token, or it was revoked before.
    package func revoke(
        _ id: String, by: String, bearing caller: String? = nil, origin: String, at now: Timestamp
    ) async throws(JournalError) -> Bool {
        let entry = AuditEntry(at: now, who: by, token: caller, action: "token.revoke", origin: origin, detail: id)
        return try await journal.revokeToken(id: id, at: now, audit: entry)
    }
}

/// 256 random bits from the system's generator, as 43 characters of base64url.
func randomText() -> String {
    var generator = SystemRandomNumberGenerator()
    let bytes = (0..<32).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
    return Data(bytes).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing(
        "=", with: "")
}
