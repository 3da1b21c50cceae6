import Synchronization

/// The ids that a delivery recorded.
final class Recorded: Sendable {
    private let ids = Mutex<[String]>([])

    func add(_ id: String) { ids.withLock { $0.append(id) } }
    var all: [String] { ids.withLock { $0 } }
    var last: String? { all.last }
}
