import Controller
import Foundation
import Integrations
import Journal
import ReleaseMachine
import Synchronization

extension SlackDestination {
    /// What is over is not told as news.
    func reasonNotToSend(_ notification: OutboxNotification, _ story: SlackStory) throws -> String? {
        guard !notification.isResent else { return nil }
        if notification.message == Self.reminder {
            guard story.release.state == .paused, !story.release.isOverdue(at: clock.now) else {
                return "not sent: it does not await promotion any more"
            }
            return nil
        }
        guard let index = story.index(of: notification.message) else { return "not sent: the release has no such line" }
        let later = story.thread.lines[(index + 1)...].first
        if let later, clock.now - notification.at > Self.freshness {
            return "not sent: it is over, and \(later.line.message) is told instead"
        }
        return nil
    }

    func reply(_ notification: OutboxNotification, _ story: SlackStory, to id: SlackMessageID) async throws
        -> DeliveryOutcome
    {
        let text: SlackText
        var isBroadcast = false
        if let index = story.index(of: notification.message) {
            let (line, at) = story.thread.lines[index]
            text = story.thread.content(line, at: at)
            if line.isForEverybody, story.isNow(line) {
                if let told = memory.withLock({ $0.posted[id] }), told >= at {
                    return .obsolete("not sent: the release's message, which is newer, says it")
                }
                isBroadcast = true
            }
        } else {
            text = story.thread.reminder
        }
        let isRich = memory.withLock { $0.style } == .plan
        let content = SlackContent(
            text, blocks: isRich ? [.richText([.line(text)])] : nil, revision: "\(notification.id)")
        let key = story.key(notification.message, id.description)
        do {
            let line = try await client.post(
                content, to: id.channel, thread: id.timestamp, isBroadcast: isBroadcast, key: key)
            return .delivered("posted as \(line)")
        } catch SlackError.messageNotFound(let code) {
            return .obsolete("not sent: the release's message was deleted (\(code))")
        }
    }
}
