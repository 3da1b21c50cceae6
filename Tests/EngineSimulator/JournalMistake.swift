/// A mistake in how a journal is used, made on purpose: the simulation has to notice it.
package enum JournalMistake: CaseIterable, Sendable {
    /// An append is acknowledged, and written a second later.
    case acknowledgesBeforeWriting
    /// A conflict counts as written, whoever has written.
    case ignoresConflicts
    /// What was not answered counts as written.
    case ignoresFailures
    /// After an answer that was lost the events are appended again, as the next ones.
    case repeatsAsNew
    /// What the lease says of the journal's end is not compared.
    case isNotCompared

    /// What the simulation may say of it, whichever comes first.
    package var expected: [String] {
        switch self {
        case .acknowledgesBeforeWriting, .ignoresFailures: ["the journal: "]
        case .isNotCompared: ["goes on after it has gone back"]
        // The command whose event was never written, or whoever hears of it.
        case .ignoresConflicts: ["the journal: ", "that was acknowledged is not in the journal"]
        case .repeatsAsNew: ["twice"]
        }
    }
}
