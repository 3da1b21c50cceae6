import ReleaseMachine

/// Wall-clock time; the simulator and tests have their own.
package protocol ReleaseClock: Sendable {
    var now: Timestamp { get }
    func sleep(for length: Duration) async throws
}
