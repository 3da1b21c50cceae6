import ReleaseMachine
import Simulator
import Synchronization

/// The random choices of one simulation, from its seed.
final class Dice: Sendable {
    private let random: Mutex<SeededGenerator>

    init(seed: UInt64) {
        random = Mutex(SeededGenerator(seed: seed))
    }

    /// True in `percent` of a hundred cases.
    func chance(_ percent: Int) -> Bool { random.withLock { $0.chance(percent) } }

    func below(_ bound: Int) -> Int { random.withLock { $0.below(bound) } }

    func milliseconds(_ range: Range<Int>) -> Duration {
        .milliseconds(range.lowerBound + below(range.count))
    }

    func seconds(_ range: Range<Int>) -> Duration {
        milliseconds(range.lowerBound * 1000..<range.upperBound * 1000)
    }
}

/// When something does not answer at all.
struct Outages: Sendable {
    var windows: [Range<Timestamp>] = []

    func contain(_ time: Timestamp) -> Bool { windows.contains { $0.contains(time) } }
}
