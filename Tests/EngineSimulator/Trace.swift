import ReleaseMachine

/// What happens in a simulation, line by line, for a person who replays a seed.
struct Trace: Sendable {
    let clock: SimulatedClock
    let write: (@Sendable (String) -> Void)?

    /// Writes a line after the time in milliseconds since the beginning.
    func callAsFunction(_ line: @autoclosure () -> String) {
        write?("\((clock.now - SimulatedClock.start).milliseconds) \(line())")
    }
}
