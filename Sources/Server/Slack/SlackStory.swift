import Crypto
import Foundation
import Integrations
import Journal
import ReleaseMachine

/// A release as the journal has it now, and what Slack shows of it.
struct SlackStory {
    let history: Milestones
    let message: SlackReleaseMessage
    let thread: SlackThread

    var release: Release { history.release }

    /// `nil` without events.
    init?(_ events: [RecordedEvent], _ journal: Journal, _ site: SlackSite) async throws {
        guard let history = Milestones(events) else { return nil }
        self.history = history
        let app = history.release.order.app
        var successor: Order?
        if let number = history.release.replacedBy {
            successor = try await journal.events(app: app, number: number).first.flatMap { Release($0)?.order }
        }
        message = SlackReleaseMessage(history.release, replacedBy: successor, site)
        thread = SlackThread(history, replacedBy: successor, site)
    }

    func index(of message: String) -> Int? { thread.lines.firstIndex { $0.line.message == message } }

    /// The line tells how the release stands at this moment.
    func isNow(_ line: SlackThread.Line) -> Bool {
        switch line {
        case .phase(.verifying): release.state == .paused
        case .phase(let phase): release.phase == phase && !release.state.hasEnded
        case .ended(let state): release.state == state
        }
    }

    /// Names one message of this release to Slack, the same after every restart. A release of a journal that began anew has another creation
    /// time.
    func key(_ message: String, _ place: String) -> UUID {
        let text = "\(release.order.name)\n\(release.createdAt.milliseconds)\n\(message)\n\(place)"
        let bytes = Array(SHA256.hash(data: Data(text.utf8)).prefix(16))
        // Version 8, as RFC 9562 has it for values of one's own.
        return UUID(
            uuid: (
                bytes[0], bytes[1], bytes[2], bytes[3], bytes[4], bytes[5], bytes[6] & 0x0F | 0x80, bytes[7],
                bytes[8] & 0x3F | 0x80, bytes[9], bytes[10], bytes[11], bytes[12], bytes[13], bytes[14], bytes[15]
            ))
    }
}

/// What a release's message shows, as far as it changes while the release runs: the outbox has the message sent again when this differs.
struct SlackProgress: Codable, Hashable {
    var state: String
    var phase: Phase
    var problem: String?
    var cause: String?
    var replacedBy: Int?

    init(_ release: Release) {
        let text = SlackReleaseText(release: release)
        state = text.state
        phase = release.phase
        problem = text.problem
        cause = text.cause
        replacedBy = release.replacedBy
    }
}
