import Controller
import Journal
import ReleaseMachine

/// What the queue starts releases with.
protocol ReleaseStarter: Sendable {
    /// Starts a release; returns when its first event is in the journal.
    func deploy(
        _ app: String, _ request: AppReleases.Request, _ requestOrigin: RequestOrigin
    ) async throws -> Release
}

extension ReleaseRunner: ReleaseStarter {}
