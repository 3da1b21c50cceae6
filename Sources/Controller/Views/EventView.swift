import ReleaseMachine

/// One event of a release as the outside sees it: what happened, and the lines that tell it to people.
package struct EventView: Encodable, Sendable, Hashable {
    package var sequence: Int
    package var at: String
    /// As the journal has it. Outside it is `EventFields`: the journal's form is nobody's interface.
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
