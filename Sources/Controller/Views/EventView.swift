import ReleaseMachine

/// One event of a release as the outside sees it: what happened, and the lines that tell it to people.
package struct EventView: Codable, Sendable, Hashable {
    package var sequence: Int
    package var at: String
    package var event: Event
    /// Made safe to be shown on a terminal; not escaped for HTML.
    package var text: [String]
    /// What the release was after it.
    package var state: Release.State
    package var phase: Phase

    package init(_ recorded: RecordedEvent, text: [String], after release: Release) {
        sequence = recorded.sequence
        at = recorded.at.iso8601
        event = recorded.event
        self.text = text
        state = release.state
        phase = release.phase
    }

    /// The event as the journal has it; `nil` when its time cannot be read.
    package var recorded: RecordedEvent? {
        Timestamp(iso8601: at).map { RecordedEvent(sequence: sequence, at: $0, event: event) }
    }
}
