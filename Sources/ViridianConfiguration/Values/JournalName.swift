/// What names a journal: the path of a SQLite file, or the URI of a database in PostgreSQL.
package enum JournalName {
    package static let expected = "a path, or a URI that begins with postgresql://"

    /// Whether it is meant as a URI, also as one that is written wrongly or of another database. It may have a password.
    package static func isURI(_ text: String) -> Bool {
        let start = text.prefix(16).lowercased()
        return text.contains("://") || start.hasPrefix("postgresql:") || start.hasPrefix("postgres:")
    }
}
