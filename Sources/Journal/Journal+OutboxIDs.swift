extension Journal {
    /// The receiver's id of what the message of this name about a release made; `nil` when there is none.
    package func externalID(at destination: String, app: String, number: Int, message: String)
        async throws(JournalError)
        -> String?
    {
        try await read { database in
            try database.value(
                String.self,
                sql: """
                    SELECT external_id FROM outbox
                    WHERE destination = ? AND app = ? AND number = ? AND message = ? AND external_id IS NOT NULL
                    """,
                arguments: [destination, app, number, message])
        }
    }

    /// Records the receiver's id of what the message of this name about a release made, whichever message was sent when it was made.
    package func record(externalID: String, at destination: String, app: String, number: Int, message: String)
        async throws(JournalError)
    {
        try await write {
            try $0.execute(
                sql: """
                    UPDATE outbox SET external_id = ?
                    WHERE destination = ? AND app = ? AND number = ? AND message = ?
                    """,
                arguments: [externalID, destination, app, number, message])
        }
    }
}
