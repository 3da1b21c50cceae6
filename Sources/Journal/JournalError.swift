/// Why the journal cannot be used. It is left as it is in every case.
package struct JournalError: Error, Sendable, CustomStringConvertible {
    package enum Kind: Sendable, Equatable {
        /// The sequence number is taken, or does not follow: read what was appended since, and decide again.
        case conflict
        /// Written by a newer version of this program.
        case newer
        /// It lacks tables of this program: while that ran, an older backup was restored.
        case older
        /// A database of another program.
        case foreign
        /// Not a database, or a damaged one.
        case corrupt(String)
        /// The file that was opened is not at its path any more.
        case moved
        /// No permission to write it, no such folder, no space.
        case unusable(String)
        /// The server of the database does not answer, or is not the primary. What was to be written is not there.
        case unreachable(String)
        /// The answer to a commit was lost, and it could not be read back: what was to be written may be there.
        case unknown(String)
    }

    /// What messages call the journal: a path, or a server.
    package var journal: String
    package var kind: Kind

    package init(journal: String, kind: Kind) {
        self.journal = journal
        self.kind = kind
    }

    /// An error of a transaction's body, or one that the database has no better kind for.
    package init(journal: String, _ error: any Error) {
        let kind: Kind =
            switch error {
            case let error as JournalError: error.kind
            case is QueueEntryGone, is EventBeforeGone: .conflict
            case let error as DecodingError: .corrupt("an event that cannot be read: \(error)")
            default: .unusable(String(describing: error))
            }
        self.init(journal: journal, kind: kind)
    }

    package var description: String {
        switch kind {
        case .conflict: "journal \(journal): another process appended at the same moment"
        case .newer:
            "journal \(journal) was written by a newer version of viridian: run that version, or name another journal in viridian.yaml"
        case .older:
            "journal \(journal) has the tables of an older version: restart viridian, which adds what is missing"
        case .foreign:
            "journal \(journal) is a database of another program: name another journal in viridian.yaml"
        case .corrupt(let problem):
            "journal \(journal) is damaged (\(problem)): move it away and run again; what is live is read from the cluster and the nodes"
        case .moved:
            "journal \(journal) is no longer the file that this process has open: it was moved, deleted or replaced, and what is recorded goes to the former file: stop viridian, put the right file there, and start it again"
        case .unusable(let problem):
            "journal \(journal) cannot be used: \(problem): fix that, or name another journal in viridian.yaml"
        case .unreachable(let problem):
            "journal \(journal) cannot be reached: \(problem). Nothing was written; what is live stays live"
        case .unknown(let problem):
            "journal \(journal) did not answer: \(problem). What was asked for may have been written: look at the release's state before you repeat it"
        }
    }
}
