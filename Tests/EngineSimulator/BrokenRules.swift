import Synchronization

/// The rules that a simulation has seen broken.
final class BrokenRules: Sendable {
    private let list = Mutex<[String]>([])

    func report(_ rule: String) { list.withLock { $0.append(rule) } }

    var first: String? { list.withLock { $0.first } }
}
