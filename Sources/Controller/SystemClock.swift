import Foundation
import ReleaseMachine

/// The machine's clock.
package struct SystemClock: ReleaseClock {
    package init() {}

    package var now: Timestamp { Timestamp(milliseconds: Int64(Date().timeIntervalSince1970 * 1000)) }

    package func sleep(for length: Duration) async throws {
        try await Task.sleep(for: length)
    }
}
