import Controller
import ReleaseMachine
import Synchronization

@testable import Workloads

/// Records the progress messages of a creation.
final class News: Sendable {
    private let list = Mutex<[CreationProgress]>([])

    func take(_ news: CreationProgress) { list.withLock { $0.append(news) } }

    var all: [CreationProgress] { list.withLock { $0 } }

    var notes: [String] { all.compactMap { if case .note(let text) = $0 { text } else { nil } } }

    var waits: [(text: String, atMost: Duration)] {
        all.compactMap { if case .waiting(let text, let most) = $0 { (text, most) } else { nil } }
    }
}

extension AppCluster {
    /// Without progress messages.
    func createCandidate(_ order: Order, _ survey: Survey) async throws {
        try await createCandidate(order, survey) { _ in }
    }
}
