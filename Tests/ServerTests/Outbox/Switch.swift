import ReleaseMachine
import Synchronization

/// Something that a test turns off.
final class Switch: Sendable {
    private let state: Mutex<Bool>

    init(_ isOn: Bool) { state = Mutex(isOn) }

    var isOn: Bool { state.withLock { $0 } }
    func turnOff() { state.withLock { $0 = false } }
}

/// When something happened.
final class Times: Sendable {
    private let times = Mutex<[Timestamp]>([])

    func add(_ time: Timestamp) { times.withLock { $0.append(time) } }
    var all: [Timestamp] { times.withLock { $0 } }
}
