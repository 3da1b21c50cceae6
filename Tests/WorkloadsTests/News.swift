import Controller
import ReleaseMachine
import Synchronization

@testable import Workloads

/// What a creation told.
final class News: Sendable {
    private let list = Mutex<[CreationNews]>([])

    func take(_ news: CreationNews) { list.withLock { $0.append(news) } }

    var all: [CreationNews] { list.withLock { $0 } }

    var notes: [String] { all.compactMap { if case .note(let words) = $0 { words } else { nil } } }

    var waits: [(words: String, atMost: Duration)] {
        all.compactMap { if case .waiting(let words, let most) = $0 { (words, most) } else { nil } }
    }
}

extension AppCluster {
    /// For whoever does not listen.
    func createCandidate(_ order: Order, _ survey: Survey) async throws {
        try await createCandidate(order, survey) { _ in }
    }
}
