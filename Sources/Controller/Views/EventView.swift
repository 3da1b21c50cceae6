import ReleaseMachine

/// One event of a release as a JSON object: its fields for programs, and its lines of text for people.
package struct EventView: Encodable, Sendable, Hashable {
    package var sequence: Int
    package var at: String
    /// What happened, whole by itself: where the journal has only what changed in the pods, all of them. It is encoded as `EventFields`:
    /// the journal's format is not an interface.
    package var event: Event
    /// Safe for a terminal; not escaped for HTML.
    package var text: [String]
    /// The release's state after it.
    package var state: Release.State
    package var phase: Phase

    package init(_ recorded: RecordedEvent, text: [String], after release: Release) {
        sequence = recorded.sequence
        at = recorded.at.iso8601
        event = release.whole(recorded.event)
        self.text = text
        state = release.state
        phase = release.phase
    }

    /// The event for programs that fold the release themselves, also older ones; `nil` when `at` is not a time.
    package var recorded: RecordedEvent? {
        Timestamp(iso8601: at).map { RecordedEvent(sequence: sequence, at: $0, event: event) }
    }

    private enum Key: String, CodingKey { case sequence, at, event, text, state, phase }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(sequence, forKey: .sequence)
        try container.encode(at, forKey: .at)
        try container.encode(EventFields(event), forKey: .event)
        try container.encode(text, forKey: .text)
        try container.encode(state, forKey: .state)
        try container.encode(phase, forKey: .phase)
    }
}
