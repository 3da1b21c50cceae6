import Foundation
import Synchronization

/// A clock that tests advance.
final class TestClock: Sendable {
    private let start: Date
    private let seconds = Atomic<Int>(0)

    init(_ start: Date) { self.start = start }

    var now: Date { start.addingTimeInterval(TimeInterval(seconds.load(ordering: .sequentiallyConsistent))) }

    func advance(_ seconds: Int) { self.seconds.add(seconds, ordering: .sequentiallyConsistent) }
}
